/* commands.h: the commands of `cloister`, one file each (cmd_*.c), and what they share. A command returns 0, or -1 with *error
 * filled; it prints results on stdout and leaves the printing of errors to rt_commands_main. One thread. */
#ifndef CLOISTER_COMMANDS_H
#define CLOISTER_COMMANDS_H

#include "runtime/error.h"

/* Where the administrator keeps the public keys, unless --trust says otherwise. */
#define RT_TRUST_DIRECTORY "/etc/cloister/trust"

int cmd_verify(int argc, char **argv, struct rt_error *error);
int cmd_inspect(int argc, char **argv, struct rt_error *error);
int cmd_run(int argc, char **argv, struct rt_error *error);
int cmd_logits(int argc, char **argv, struct rt_error *error);
int cmd_tokenize(int argc, char **argv, struct rt_error *error);
int cmd_topo(int argc, char **argv, struct rt_error *error);
int cmd_doctor(int argc, char **argv, struct rt_error *error);

#endif
