/* main.c: the site program's table of commands. Single-threaded until a command starts workers. */
#include <linux/capability.h>
#include <string.h>

#include "runtime/commands.h"
#include "runtime/options.h"
#include "runtime/start.h"

static const struct rt_command commands[] = {
    {"verify", cmd_verify, "BUNDLE", "check the signatures and every byte of a bundle"},
    {"inspect", cmd_inspect, "BUNDLE", "show what a verified bundle holds"},
    {"run", cmd_run, "BUNDLE [-p TEXT | -f FILE]", "answer one prompt, or chat"},
    {"batch", cmd_batch, "BUNDLE REQUESTS -o ANSWERS", "answer a file of requests, many at once"},
    {"serve", cmd_serve, "BUNDLE --socket PATH", "answer the OpenAI API on a Unix socket"},
    {"replay", cmd_replay, "RECEIPT BUNDLE [-p TEXT | -f FILE]", "compute again what a receipt of `run` tells of"},
    {"logits", cmd_logits, "BUNDLE --tokens 1,2,3 [--all]", "print the model's numbers for given token ids"},
    {"tokenize", cmd_tokenize, "BUNDLE [TEXT | -f FILE | --decode 1,2,3]", "token ids of a text, or the text of token ids"},
    {"topo", cmd_topo, "", "show which worker is pinned where"},
    {"plan", cmd_plan, "MODEL [--topology FILE|TEXT]", "say whether a model fits a server, and how fast it would be"},
    {"bench", cmd_bench, "BUNDLE | --synthetic NAME | --shape FILE", "measure speed beside the machine's own limits"},
    {"doctor", cmd_doctor, "", "say what of this machine is in the way"},
};

/* `doctor` as root may look into a process that lets nobody else do so. */
static uint64_t capabilities_for(const char *command)
{
    const uint64_t look = UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH;
    return strcmp(command, "doctor") ? 0 : look;
}

int main(int argc, char **argv)
{
    struct rt_error error = {0};
    struct rt_service_env service;
    if (rt_start(&service, capabilities_for(argc > 1 ? argv[1] : ""), &error))
        return rt_error_print(&error, "cloister", 0);
    return rt_commands_main(argc, argv, "cloister",
                            "runs a signed bundle of weights on this machine's CPUs, sealed off from files and networks", commands,
                            sizeof commands / sizeof *commands, &service);
}
