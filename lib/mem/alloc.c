/* SPDX-License-Identifier: BSD-2-Clause */
/* What works the same over each allocator; see alloc.h. */
#include "lib/mem/alloc.h"

#include <string.h>

/*
 * mem_move - make a block larger or smaller, where it is or else elsewhere.
 *
 * The result holds what the block held, as far as both are long; it is aligned to MEM_ALIGN, and to
 * more only if it has not moved.  NULL: no memory, or no block; the block is what it was.
 */
void *mem_move(struct allocator *a, void *block, size_t bytes)
{
    enum err err = mem_resize(a, block, bytes);
    size_t usable;
    void *moved;

    if (err != ERR_NOMEM)
        return err == ERR_OK ? block : NULL;
    usable = mem_usable(a, block);
    moved = mem_alloc(a, bytes, MEM_ALIGN);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, usable < bytes ? usable : bytes);
    if (mem_free(a, block) != ERR_OK)
        return NULL; /* cannot be: mem_resize has looked at it */
    return moved;
}
