/* commands.h: the commands of `cloister`, one file each (cmd_*.c), and what they share. A command returns 0, or -1 with *error
 * filled; it prints results on stdout and leaves the printing of errors to rt_commands_main. One thread. */
#ifndef CLOISTER_COMMANDS_H
#define CLOISTER_COMMANDS_H

#include "runtime/options.h"

/* Where the administrator keeps the public keys, unless --trust says otherwise. */
#define RT_TRUST_DIRECTORY "/etc/cloister/trust"

int cmd_verify(const struct rt_call *call, struct rt_error *error);
int cmd_inspect(const struct rt_call *call, struct rt_error *error);
int cmd_run(const struct rt_call *call, struct rt_error *error);
int cmd_batch(const struct rt_call *call, struct rt_error *error);
int cmd_serve(const struct rt_call *call, struct rt_error *error);
int cmd_replay(const struct rt_call *call, struct rt_error *error);
int cmd_logits(const struct rt_call *call, struct rt_error *error);
int cmd_tokenize(const struct rt_call *call, struct rt_error *error);
int cmd_topo(const struct rt_call *call, struct rt_error *error);
int cmd_plan(const struct rt_call *call, struct rt_error *error);
int cmd_bench(const struct rt_call *call, struct rt_error *error);
int cmd_doctor(const struct rt_call *call, struct rt_error *error);

#endif
