/* Runs the decoder on the host: `table`, `channels`, or the weights of one call (0: all). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

void emit(const void *bytes, unsigned n_bytes);
int decode_all(void);

void emit(const void *bytes, unsigned n_bytes)
{
    fwrite(bytes, 1, n_bytes, stdout);
}

static void print_table(const model_tensor *tensor)
{
    unsigned d;
    printf("%s %u %u", tensor->name, tensor->bits, (unsigned)tensor->n_rows);
    for (d = 0; d < tensor->n_dims; d++)
        printf(" %u", (unsigned)tensor->shape[d]);
    printf("\n");
}

static void decode_one(const model_tensor *tensor, size_t stride)
{
    float *weights = malloc((tensor->n_weights + 1) * sizeof(float));
    size_t first;
    if (stride == 0)
        model_decode(tensor, weights);
    for (first = 0; stride > 0 && first < tensor->n_weights; first += stride) {
        const size_t left = tensor->n_weights - first;
        model_decode_range(tensor, first, left < stride ? left : stride, weights + first);
    }
    emit(weights, (unsigned)(tensor->n_weights * sizeof(float)));
    free(weights);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    unsigned i;
    if (strcmp(mode, "channels") == 0)
        return decode_all();
    for (i = 0; i < MODEL_N_TENSORS; i++) {
        if (strcmp(mode, "table") == 0)
            print_table(&model_tensors[i]);
        else
            decode_one(&model_tensors[i], (size_t)atoi(mode));
    }
    return 0;
}
