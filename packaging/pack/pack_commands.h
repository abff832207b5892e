/* pack_commands.h: the commands of `cloister-pack`, one file each (cmd_*.c). A command returns 0, or -1 with *error filled; it prints
 * results on stdout and leaves the printing of errors to rt_commands_main. One thread. */
#ifndef CLOISTER_PACK_COMMANDS_H
#define CLOISTER_PACK_COMMANDS_H

#include "runtime/options.h"

int pk_cmd_keygen(const struct rt_call *call, struct rt_error *error);
int pk_cmd_pack(const struct rt_call *call, struct rt_error *error);
int pk_cmd_sign(const struct rt_call *call, struct rt_error *error);

/* SOURCE_DATE_EPOCH, which main reads since nothing else looks at the environment; NULL where it is not set. Call before pk_cmd_pack. */
void pk_source_date_epoch(const char *seconds);

#endif
