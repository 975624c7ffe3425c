/* Decodes every tensor of model.h, channel by channel, and hands the floats over. */

#include "model.h"

#ifndef BUFFER
#define BUFFER 2048
#endif

/* Takes the next bytes; the host and the bare chip have one each. */
void emit(const void *bytes, unsigned n_bytes);
int decode_all(void);

int decode_all(void)
{
    static float weights[BUFFER];
    unsigned i;
    for (i = 0; i < MODEL_N_TENSORS; i++) {
        const model_tensor *tensor = &model_tensors[i];
        const size_t channels = tensor->n_dims > 1 ? tensor->shape[0] : 1;
        const size_t length = tensor->n_weights / channels;
        size_t c;
        if (length > BUFFER)
            return 1;
        for (c = 0; c < channels; c++) {
            if (tensor->n_dims > 1)
                model_decode_channels(tensor, c, 1, weights);
            else
                model_decode(tensor, weights);
            emit(weights, (unsigned)(length * sizeof(float)));
        }
    }
    return 0;
}
