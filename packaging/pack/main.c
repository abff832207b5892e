/* main.c: the publisher's table of commands. The one place that looks at the environment. */
#include <stdlib.h>

#include "packaging/pack/pack_commands.h"
#include "runtime/commands.h"
#include "runtime/options.h"

static const struct rt_command commands[] = {
    {"keygen", pk_cmd_keygen, "-p PUBLIC -s SECRET [-W]", "make a key pair to sign bundles with"},
    {"pack", pk_cmd_pack, "HFDIR -o BUNDLE --quant w4|w8|bf16", "make a bundle from a Hugging Face directory"},
    {"sign", pk_cmd_sign, "BUNDLE -s SECRET [-t COMMENT]", "check a bundle and sign its manifest"},
    {"inspect", cmd_inspect, "BUNDLE", "show what a verified bundle holds"},
};

int main(int argc, char **argv)
{
    pk_source_date_epoch(getenv("SOURCE_DATE_EPOCH"));
    return rt_commands_main(argc, argv, "cloister-pack", "makes signed bundles of weights from Hugging Face models", commands,
                            sizeof commands / sizeof *commands, NULL);
}
