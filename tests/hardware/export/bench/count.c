/* Counts the ticks of the system timer while the first tensor with codes is decoded, and hands over
   their number. The emulator lets a tick pass every 40 ns, and an instruction take 1 ns. */

#include "model.h"

#ifndef BUFFER
#define BUFFER 65536
#endif
#define SYSTICK ((volatile uint32_t *)0xE000E010u) /* control, reload, value: 24 bits, downwards */

void emit(const void *bytes, unsigned n_bytes);
int decode_all(void);

int decode_all(void)
{
    static float weights[BUFFER];
    unsigned i = 0;
    uint32_t before, ticks;
    while (i < MODEL_N_TENSORS && model_tensors[i].kind == MODEL_KEPT)
        i++;
    if (i == MODEL_N_TENSORS || model_tensors[i].n_weights > BUFFER)
        return 1;
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* on, by the processor's clock */
    before = SYSTICK[2];
    model_decode(&model_tensors[i], weights);
    ticks = (before - SYSTICK[2]) & 0xFFFFFFu;
    emit(&ticks, sizeof(ticks));
    emit(weights, sizeof(float)); /* so that no compiler leaves the work out */
    return 0;
}
