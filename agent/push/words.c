#include "words.h"

#include <stddef.h>
#include <string.h>

char *push_word(char **at)
{
    char *word = *at + strspn(*at, " ");
    char *end = word + strcspn(word, " ");

    if (*word == '\0') {
        return NULL;
    }
    *at = end;
    if (*end != '\0') {
        *end = '\0';
        *at = end + 1;
    }
    return word;
}

bool push_decimal(const char *word, uint32_t *out)
{
    uint32_t value = 0;

    if (word == NULL || word[0] == '\0' || strlen(word) > 9 || strspn(word, "0123456789") != strlen(word)) {
        return false;
    }
    for (; *word != '\0'; word++) {
        value = value * 10 + (uint32_t)(*word - '0');
    }
    *out = value;
    return true;
}
