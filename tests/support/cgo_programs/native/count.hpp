#pragma once
#ifdef __cplusplus
extern "C"
#endif
int count_words(const char *text);
