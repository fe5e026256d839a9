/* SPDX-License-Identifier: BSD-2-Clause */
/* A string and a vector that grow on the heap: uthash's utstring.h and utarray.h. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/kit/types.h"

static __noreturn void out_of_memory(void)
{
    printf("collections: no memory\n");
    exit(1);
}

#define utarray_oom()  out_of_memory()
#define utstring_oom() out_of_memory()
#include <utarray.h>
#include <utstring.h>

static void print_vector(UT_array *vector)
{
    UT_string *line;

    utstring_new(line);
    for (unsigned i = 0; i < utarray_len(vector); i++) {
        utstring_printf(line, "%s%d", i == 0 ? "[" : ", ", *(int *)utarray_eltptr(vector, i));
    }
    printf("%s]\n", utstring_body(line));
    utstring_free(line);
}

int main(void)
{
    static const int first[] = {0, 1, 2}, last = 3;
    UT_string *greeting;
    UT_array *vector;

    utstring_new(greeting);
    utstring_printf(greeting, "Hello, %s!", "string on the heap");
    printf("%s\n", utstring_body(greeting));
    utstring_free(greeting);

    utarray_new(vector, &ut_int_icd);
    for (unsigned i = 0; i < ARRAY_LEN(first); i++) {
        utarray_push_back(vector, &first[i]);
    }
    utarray_push_back(vector, &last);
    print_vector(vector);
    utarray_free(vector);
    return 0;
}
