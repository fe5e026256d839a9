/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rename: in three ways, by what a cut of power in the middle may leave.
 *
 *  - In the same directory, to a name that needs no more slots, where the old ones are in one
 *    sector: they are overwritten.  The file has the old name or the new one.
 *  - Over a name that exists: its short slot gets the file, in one sector; afterwards the old name
 *    goes.
 *  - Else a new entry is made; afterwards the old name goes.
 *
 * The old name is a ghost until the commit: not seen any more, but on disk until the new one is.
 * So a cut may leave both names on one chain, which fsck takes from one of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/fat32_dir.h"

/* What is to be renamed. */
struct move {
    struct fat *fat;
    struct fat_node *node, *from_dir, *to_dir;
    struct fat_entry old, new;
};

/* Where the old entry is, for bury() in fat32_commit.c. */
static int make_ghost(const struct move *move, struct fat_ghost **made)
{
    struct fat_ghost *ghost = malloc(sizeof(*ghost));
    u32 sectors = 0;

    if (ghost == NULL)
        return ENOMEM;
    *ghost = (struct fat_ghost){.id = move->old.id,
                                .dir_id = move->from_dir->node.id,
                                .at = move->old.at,
                                .slots = move->old.slots};
    for (u32 i = 0; i < move->old.slots; i++) {
        struct cache_slot *in;
        u64 position;
        int error = fat_slot(move->fat, move->from_dir, move->old.at + i, &in, &position);

        if (error != 0) {
            free(ghost);
            return error;
        }
        if (i == 0 || position % SECTOR_BYTES == 0)
            ghost->position[sectors++] = position;
    }
    *made = ghost;
    return 0;
}

static void haunt(struct fat *fat, struct fat_ghost *ghost)
{
    struct fat_ghost **bucket = &fat->ghost[ghost->id % FAT_GHOST_BUCKETS];

    ghost->next = *bucket;
    *bucket = ghost;
    fat->ghosts++;
    fat->pending++;
}

/* The ".." of a directory that moves elsewhere: the last thing that may fail. */
static int adopt(const struct move *move)
{
    if (move->node->node.type != NODE_DIRECTORY || move->from_dir == move->to_dir)
        return 0;
    return fat_set_parent(move->fat, move->node, fat_as_parent(move->to_dir));
}

/* What is not the name: of the old slot, and what the node knows better. */
static void carry(struct move *move)
{
    struct fat_short *info = &move->new.info;
    u8 name[FAT_SHORT_BYTES];
    const u8 lower_case = info->lower_case;

    memcpy(name, info->name, sizeof(name));
    *info = move->old.info;
    memcpy(info->name, name, sizeof(name));
    info->lower_case = lower_case;
    fat_node_fill(move->node, info);
}

static void done(struct move *move)
{
    fat_dir_changed(move->fat, move->from_dir);
    fat_dir_changed(move->fat, move->to_dir);
}

/* Whether the old entry is in one sector, and the new one may be in its place. */
static bool fits(struct move *move, const struct fat_pins *pins)
{
    const u32 last = move->old.slots - 1;

    return move->from_dir == move->to_dir && move->new.slots <= move->old.slots &&
           pins->at[0].position / SECTOR_BYTES == pins->at[last].position / SECTOR_BYTES;
}

/* The last slots of the old entry become the new one, so that the short one stays. */
static void overwrite(struct move *move, struct fat_pins *pins)
{
    const u32 spare = move->old.slots - move->new.slots;
    struct fat_pins first = {.count = spare}, last = {.count = move->new.slots};

    memcpy(first.at, pins->at, spare * sizeof(pins->at[0]));
    memcpy(last.at, &pins->at[spare], move->new.slots * sizeof(pins->at[0]));
    carry(move);
    fat_index_remove(move->from_dir, &move->old);
    move->new.at = move->old.at + spare;
    fat_slots_erase(move->fat, &first);
    fat_slots_write(move->fat, &last, &move->new);
    if (move->new.slots == 1)
        move->new.name.units = 0;
    fat_index_add(move->to_dir, &move->new);
    if (spare != 0)
        fat_index_freed(move->from_dir, move->old.at);
}

/* ENOSPC: it does not fit, and nothing changed. */
static int rename_in_place(struct move *move)
{
    struct fat_pins pins;
    int error = fat_pin(move->fat, move->from_dir, move->old.at, move->old.slots, &pins);

    if (error != 0)
        return error == ENOENT ? EIO : error;
    error = fits(move, &pins) ? fat_index_reserve(move->fat, move->to_dir) : ENOSPC;
    if (error == 0)
        overwrite(move, &pins);
    fat_unpin(&pins);
    if (error == 0)
        done(move);
    return error;
}

static int rename_to_new(struct move *move)
{
    struct fat_pins pins;
    struct fat_ghost *ghost;
    int error = make_ghost(move, &ghost);

    if (error != 0)
        return error;
    error = fat_prepare(move->fat, move->to_dir, &move->new, &pins);
    if (error != 0) {
        free(ghost);
        return error;
    }
    error = adopt(move);
    if (error == 0) {
        carry(move);
        fat_slots_write(move->fat, &pins, &move->new);
        if (move->new.slots == 1)
            move->new.name.units = 0;
        fat_index_remove(move->from_dir, &move->old);
        fat_index_add(move->to_dir, &move->new);
        haunt(move->fat, ghost);
        fat_node_move(move->fat, move->node, move->new.id);
        done(move);
    } else {
        free(ghost);
    }
    fat_unpin(&pins);
    return error;
}

/* move->new is the entry of what is replaced. */
static int rename_over(struct move *move, struct fat_node *replaced)
{
    struct fat_pins pins;
    struct fat_ghost *ghost;
    int error = make_ghost(move, &ghost);

    if (error != 0)
        return error;
    error = fat_pin(move->fat, move->to_dir, move->new.at + move->new.slots - 1, 1, &pins);
    if (error != 0) {
        free(ghost);
        return error == ENOENT ? EIO : error;
    }
    error = adopt(move);
    if (error == 0) {
        struct fat_entry slot = {.slots = 1};

        carry(move);
        slot.info = move->new.info;
        fat_slots_write(move->fat, &pins, &slot);
        fat_index_remove(move->from_dir, &move->old);
        haunt(move->fat, ghost);
        fat_node_gone(move->fat, replaced);
        fat_node_move(move->fat, move->node, move->new.id);
        done(move);
    } else {
        free(ghost);
    }
    fat_unpin(&pins);
    return error;
}

/* Whether the entry is shown by exactly this name. */
static bool is_called(const struct fat_entry *entry, struct name utf8)
{
    char shown[FS_NAME_MAX + 1];
    struct fat_name name = entry->name;

    if (name.units == 0)
        fat_short_name(&entry->info, &name);
    return fat_name_to_utf8(&name, shown) && strlen(shown) == utf8.bytes &&
           memcmp(shown, utf8.at, utf8.bytes) == 0;
}

/* The new name, which may be in use already: by what is replaced, or by the node itself. */
static int rename_checked(struct move *move, struct name to, struct fat_node *replaced)
{
    struct fat_name name;
    int error = fat_name_from_utf8(&name, to);

    if (error == 0)
        error = fat_find(move->fat, move->to_dir, &name, &move->new);
    if (error == 0 && move->new.id != move->node->node.id)
        return replaced != NULL && replaced->node.id == move->new.id ? rename_over(move, replaced)
                                                                     : EEXIST;
    if (error == 0 && is_called(&move->new, to))
        return 0;
    if (error != 0 && error != ENOENT)
        return error;
    move->new.name = name;
    error =
        fat_name_allowed(&name) ? fat_choose_short(move->fat, move->to_dir, &move->new) : EINVAL;
    if (error == 0)
        error = rename_in_place(move);
    return error == ENOSPC ? rename_to_new(move) : error;
}

int fat_rename(struct node *from_dir, struct name from, struct node *node, struct node *to_dir,
               struct name to, struct node *replaced)
{
    struct move move = {.fat = fat_of(node),
                        .node = fat_node_of(node),
                        .from_dir = fat_node_of(from_dir),
                        .to_dir = fat_node_of(to_dir)};
    struct fat_name name;
    int error = to_dir->nlink == 0 ? ENOENT : fat_begin(move.fat);

    if (error == 0 && replaced != NULL && replaced != node)
        error = fat_check_empty(move.fat, fat_node_of(replaced));
    if (error == 0)
        error = fat_name_from_utf8(&name, from) == 0 ? 0 : ENOENT;
    if (error == 0)
        error = fat_find(move.fat, move.from_dir, &name, &move.old);
    if (error == 0 && move.old.id != node->id)
        error = ENOENT;
    if (error == 0)
        error = rename_checked(&move, to, replaced == NULL ? NULL : fat_node_of(replaced));
    return error;
}
