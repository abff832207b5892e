/* minisign_samples.h: what minisign 0.11 wrote, for tests: a key made by `minisign -G -W`, its signatures over "cloister\n" (`-S`, and
 * `-S -l` for the legacy kind), and the same key behind the password "test", with limits lowered so that tests are quick; the greedy one
 * asks for more than 2 GiB. The key is published here and signs nothing else. */
#ifndef CLOISTER_TESTS_MINISIGN_SAMPLES_H
#define CLOISTER_TESTS_MINISIGN_SAMPLES_H

static const char sample_id[] = "28237B8A388E631D";
static const char sample_comment[] = "a trusted comment";
static const char sample_pub[] = "untrusted comment: minisign public key 28237B8A388E631D\n"
                                 "RWQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQx\n";
static const char sample_secret[] =
    "untrusted comment: minisign encrypted secret key\n"
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHWOOOIp7IygUT8NbkbX1FWWuEu3ffzKW4sfBEgvhAvUk+xz6z+09BE7IbPfJ/"
    "cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQxAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
static const char sample_locked_secret[] =
    "untrusted comment: minisign encrypted secret key\n"
    "RWRTY0IyAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AgAAAAAAAAAAAAAEAAAAANEJk7Ut618RvubyDhPGMN2MJNbja/lqdok9rL9wTA1o8el/"
    "SO1LMx0+RnKpniZLXuNyaJxPOeFyPJVv/jG9hklznyuGWsCdoqWCIXFDaLj+88tQKROFx+vIkh3dR6VuzGBh3JzIqSPo=\n";
static const char sample_greedy_secret[] =
    "untrusted comment: minisign encrypted secret key\n"
    "RWRTY0IyAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AgAAAAAAAAAEAAIAAAAAANEJk7Ut618RvubyDhPGMN2MJNbja/lqdok9rL9wTA1o8el/"
    "SO1LMx0+RnKpniZLXuNyaJxPOeFyPJVv/jG9hklznyuGWsCdoqWCIXFDaLj+88tQKROFx+vIkh3dR6VuzGBh3JzIqSPo=\n";
static const char sample_minisig[] =
    "untrusted comment: signature from minisign secret key\n"
    "RUQdY444insjKMLfmykcHlv8dZVuFn1eCFKsucI2mWPdnaERDERu18yFn3Nw4+/qINcnrROvh2YmrrTl5v4BnqSvAz2Wzz4+qAw=\n"
    "trusted comment: a trusted comment\n"
    "h0h3sYcbfuNPjcJ/plWRMdgDJfE5FL/UetUhVCrYG4jge6DFNankvnhwLb6Ob4vTxNdYkFdv9x14Lf2m/AYSCg==\n";
static const char sample_legacy_minisig[] =
    "untrusted comment: signature from minisign secret key\n"
    "RWQdY444insjKG8tnmTaIq+uBh8L28L550g74kBMpPLUxDK2M/mgqKBtGEm4pXhEF3Nb5c1euzji/GV+4msnvI1M0BkQ5MMg7Qo=\n"
    "trusted comment: timestamp:1795400086	file:msg\n"
    "V6S16PgRuFp+Q3LwDkcZb/mtwleegNwsSWMGtzYvyLYqZIRI+aNTqJuxXbe7MLeAxSWysxuiZdHPpB+94tFECQ==\n";

#endif
