#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one code point; returns its length in bytes, or 0 when it is broken. */
size_t utf8_next(const unsigned char *s, size_t n, uint32_t *out)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len;
    uint32_t c;

    if (n == 0)
        return 0;
    if (s[0] < 0x80) { len = 1; c = s[0]; }
    else if ((s[0] & 0xE0) == 0xC0) { len = 2; c = s[0] & 0x1F; }
    else if ((s[0] & 0xF0) == 0xE0) { len = 3; c = s[0] & 0x0F; }
    else if ((s[0] & 0xF8) == 0xF0) { len = 4; c = s[0] & 0x07; }
    else return 0;

    if (len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3F);
    }
    if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *out = c;
    return len;
}

bool utf8_valid(const unsigned char *s, size_t n)
{
    uint32_t c;
    while (n > 0) {
        size_t len = utf8_next(s, n, &c);
        if (len == 0)
            return false;
        s += len;
        n -= len;
    }
    return true;
}
