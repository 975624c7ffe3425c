/* ---- Decoding -------------------------------------------------------------------------------- */

/* The float whose bits are those: no conversion, no library. */
static inline float model_from_bits(uint32_t bits)
{
    union { uint32_t bits; float value; } word;
    word.bits = bits;
    return word.value;
}

/* A float16 as a float, exactly: by its bits, with no help of hardware. */
static inline float model_from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 31u;
    const uint32_t fraction = half & 0x3FFu;
    if (exponent == 0u) { /* fraction * 2^-24, which is exact */
        const float size = (float)(int32_t)fraction * model_from_bits(0x33800000u);
        return sign ? -size : size;
    }
    if (exponent == 31u)
        return model_from_bits(sign | 0x7F800000u | (fraction << 13));
    return model_from_bits(sign | ((exponent + 112u) << 23) | (fraction << 13));
}

/* 2^exponent, also where that is a subnormal float. */
static inline float model_power_of_two(int8_t exponent)
{
    const int32_t biased = exponent + 127;
    return model_from_bits(biased > 0 ? (uint32_t)biased << 23 : (uint32_t)1 << (22 + biased));
}

/* A product, rounded to float before anything is added to it: the volatile variable keeps every
   compiler, at every setting, from making one fused multiply-add of it and a later sum. */
static inline float model_product(float a, float b)
{
    volatile float product = a * b;
    return product;
}

/* The level that a code stands for in a row. */
static inline float model_level(const model_tensor *tensor, size_t row, unsigned code)
{
    const float *number = (const float *)tensor->values;
    switch (tensor->kind) {
    case MODEL_CODEBOOK:
        return number[(row << tensor->bits) + code];
    case MODEL_CODEBOOK_HALF:
        return model_from_half(((const uint16_t *)tensor->values)[(row << tensor->bits) + code]);
    case MODEL_SCALE:
        return model_product(number[row], tensor->table[code]);
    case MODEL_SCALE_HALF:
        return model_product(model_from_half(((const uint16_t *)tensor->values)[row]),
                             tensor->table[code]);
    case MODEL_SCALE_OFFSET:
        return model_product(number[2 * row], tensor->table[code]) + number[2 * row + 1];
    default: /* MODEL_EXPONENT */
        return model_product(model_power_of_two(((const int8_t *)tensor->values)[row]),
                             tensor->table[code]);
    }
}

/* Where the next code is. */
typedef struct {
    const uint8_t *byte;
    unsigned bits, shift;                   /* of packed bits */
    unsigned radix, digits, inverse;        /* of packed digits: 65536 / radix, rounded up */
    unsigned left, rest;                    /* digits left of the last byte, and their number */
} model_cursor;

static inline unsigned model_next(model_cursor *cursor)
{
    unsigned code;
    if (cursor->radix) {
        if (cursor->left == 0) {
            cursor->left = cursor->digits;
            cursor->rest = *cursor->byte++;
        }
        cursor->left--;
        code = cursor->rest;
        cursor->rest = (code * cursor->inverse) >> 16; /* code / radix, exact for a byte */
        return code - cursor->rest * cursor->radix;
    }
    code = (unsigned)*cursor->byte >> cursor->shift;
    if (cursor->shift + cursor->bits > 8u)
        code |= (unsigned)cursor->byte[1] << (8u - cursor->shift);
    cursor->shift += cursor->bits;
    cursor->byte += cursor->shift >> 3;
    cursor->shift &= 7u;
    return code & ((1u << cursor->bits) - 1u);
}

/* Finds the code of a weight. Eight codes of b bits fill b bytes; of digits below the radix as many
   are in a byte as fit, the first one the lowest. */
static inline model_cursor model_seek(const model_tensor *tensor, size_t first)
{
    model_cursor cursor = {tensor->codes, tensor->bits, 0, tensor->radix, 1, 0, 0, 0};
    unsigned power = cursor.radix;
    if (cursor.radix == 0) {
        cursor.shift = (unsigned)(first & 7u) * cursor.bits;
        cursor.byte += (first >> 3) * cursor.bits + (cursor.shift >> 3);
        cursor.shift &= 7u;
        return cursor;
    }
    cursor.inverse = 65535u / cursor.radix + 1u;
    for (; power * cursor.radix <= 256u; power *= cursor.radix)
        cursor.digits++;
    cursor.byte += first / cursor.digits;
    for (first %= cursor.digits; first > 0; first--)
        model_next(&cursor);
    return cursor;
}

/* Up to so many bits the levels of a row are found once, and not for each weight: that takes 64
   bytes of stack, and spares a chip without a floating-point unit most of its work. */
#define MODEL_FEW_BITS 4

/* Writes the weights first .. first + count - 1 of the flat tensor to out. */
static inline void model_decode_range(const model_tensor *tensor, size_t first, size_t count,
                                      float *out)
{
    const size_t channel_length = tensor->channel_length;
    const size_t row_length = tensor->row_length;
    const int few = tensor->bits <= MODEL_FEW_BITS;
    float levels[1 << MODEL_FEW_BITS];
    size_t i, in_channel, in_row, row;
    model_cursor cursor;
    int ready = 0;

    if (tensor->kind == MODEL_KEPT) {
        for (i = 0; i < count; i++)
            out[i] = ((const float *)tensor->values)[first + i];
        return;
    }
    in_channel = first % channel_length;
    in_row = in_channel % row_length;
    row = first / channel_length * ((channel_length + row_length - 1) / row_length)
        + in_channel / row_length;
    cursor = model_seek(tensor, first);
    for (i = 0; i < count; i++) {
        const unsigned code = model_next(&cursor);
        if (few && !ready) {
            unsigned k;
            for (k = 0; k < 1u << tensor->bits; k++)
                levels[k] = model_level(tensor, row, k);
            ready = 1;
        }
        out[i] = few ? levels[code] : model_level(tensor, row, code);
        in_row++;
        in_channel++;
        if (in_row == row_length || in_channel == channel_length) {
            in_row = 0;
            row++;
            ready = 0;
        }
        if (in_channel == channel_length)
            in_channel = 0;
    }
}

/* Writes count slices of the first dimension (output channels) to out, from slice first on:
   weights for one part of a layer at a time, where there is little memory. */
static inline void model_decode_channels(const model_tensor *tensor, size_t first, size_t count,
                                         float *out)
{
    const size_t length = tensor->shape[0] ? tensor->n_weights / tensor->shape[0] : 0;
    model_decode_range(tensor, first * length, count * length, out);
}

/* Writes all weights of a tensor to out, in the order of its shape, the last dimension fastest. */
static inline void model_decode(const model_tensor *tensor, float *out)
{
    model_decode_range(tensor, 0, tensor->n_weights, out);
}
