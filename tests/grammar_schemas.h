/* grammar_schemas.h: schemas that answers are made for, by test_grammar.c, make_grammar.c and, judged by another validator, cli_grammar.sh. */
#ifndef CLOISTER_GRAMMAR_SCHEMAS_H
#define CLOISTER_GRAMMAR_SCHEMAS_H

struct grammar_schema {
    const char *name, *text;
};

static const struct grammar_schema grammar_schemas[] = {
    {"object",
     "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":150},"
     "\"email\":{\"type\":[\"string\",\"null\"],\"format\":\"email\"}},\"required\":[\"name\",\"age\",\"email\"],"
     "\"additionalProperties\":false}"},
    {"optional",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"},\"b\":{\"type\":\"number\"},\"c\":{\"const\":\"x\\\"y\\n\"},"
     "\"d\":{\"enum\":[1,2.5,null,\"t\",[1,{\"k\":true}]]},\"e\":{\"type\":\"string\",\"maxLength\":5}},\"required\":[\"d\"]}"},
    {"open", "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"ideal\":{\"type\":\"boolean\"},\"\\u00e9t\\u00e9\":{"
             "\"const\":1}},"
             "\"additionalProperties\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":12}}"},
    {"array", "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\",\"minimum\":-1.5,"
              "\"exclusiveMaximum\":12.25},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":8},\"minItems\":1,"
              "\"maxItems\":3}},\"required\":[\"x\",\"tags\"]},\"minItems\":1,\"maxItems\":4}"},
    {"tuple", "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\",\"maxLength\":3},{\"type\":\"null\"}],"
              "\"items\":{\"type\":\"boolean\"},\"minItems\":2,\"maxItems\":6}"},
    {"tree",
     "{\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"value\":{\"type\":\"integer\",\"minimum\":-20,\"maximum\":20},"
     "\"children\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/node\"},\"maxItems\":2}},\"required\":[\"value\",\"children\"],"
     "\"additionalProperties\":false}},\"$ref\":\"#/$defs/node\"}"},
    {"list", "{\"type\":\"object\",\"properties\":{\"head\":{\"type\":\"string\",\"maxLength\":4},\"tail\":{\"anyOf\":[{\"type\":\"null\"},"
             "{\"$ref\":\"#\"}]}},\"required\":[\"head\",\"tail\"],\"additionalProperties\":false}"},
    {"cases",
     "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"circle\"},\"r\":{\"type\":\"number\","
     "\"exclusiveMinimum\":0}},\"required\":[\"kind\",\"r\"]},{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"square\"},"
     "\"side\":{\"type\":\"integer\",\"minimum\":1}},\"required\":[\"kind\",\"side\"]},{\"type\":\"string\",\"maxLength\":3}]}"},
    {"merged",
     "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]},{\"properties\":{\"a\":"
     "{\"maximum\":9},\"b\":{\"type\":\"string\",\"maxLength\":3}},\"required\":[\"b\"]}],\"description\":\"both\"}"},
    {"pattern",
     "{\"type\":\"object\",\"properties\":{\"plate\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}-\\\\d{3,4}( "
     "[\\\"/\\\\\\\\])?$\"},\"word\":{\"type\":"
     "\"string\",\"pattern\":\"^(caf\\u00e9|na[\\u00efi]ve|\\\\w+\\\\.)+$\"},\"has\":{\"type\":\"string\",\"pattern\":\"[ac]|^x+\"},"
     "\"code\":{"
     "\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"minLength\":3,\"maxLength\":6}},\"required\":[\"plate\",\"word\",\"has\",\"code\"]}"},
    {"formats",
     "{\"type\":\"object\",\"properties\":{\"date\":{\"type\":\"string\",\"format\":\"date\"},\"at\":{\"type\":\"string\",\"format\":"
     "\"date-time\"},\"id\":{\"type\":\"string\",\"format\":\"uuid\"},\"ip\":{\"type\":\"string\",\"format\":\"ipv4\"},\"six\":{\"type\":"
     "\"string\",\"format\":\"ipv6\"},\"time\":{\"type\":\"string\",\"format\":\"time\"},\"mail\":{\"type\":\"string\",\"format\":"
     "\"email\"}},"
     "\"required\":[\"date\",\"at\",\"id\",\"ip\",\"six\",\"time\",\"mail\"]}"},
    {"numbers",
     "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\",\"minimum\":-17,\"maximum\":1234},{\"type\":\"integer\","
     "\"exclusiveMinimum\":"
     "99,\"exclusiveMaximum\":1001},{\"type\":\"integer\",\"maximum\":-3},{\"type\":\"integer\",\"minimum\":9007199254740993},{\"type\":"
     "\"number\",\"minimum\":0.125,\"maximum\":0.5},{\"type\":\"number\",\"exclusiveMinimum\":-0.1,\"exclusiveMaximum\":0.1},{\"type\":"
     "\"number\",\"minimum\":1e-7,\"maximum\":1e7},{\"type\":\"number\",\"maximum\":-99.5},{\"type\":\"number\",\"exclusiveMinimum\":0},"
     "{\"type\":\"number\",\"multipleOf\":1,\"minimum\":0.5,\"maximum\":3.5}],\"minItems\":10,\"items\":false}"},
    {"any", "{\"type\":\"object\",\"properties\":{\"free\":{},\"list\":{\"type\":\"array\"},\"map\":{\"type\":\"object\"}},\"required\":["
            "\"free\"]}"},
};
enum { GRAMMAR_SCHEMAS = sizeof grammar_schemas / sizeof *grammar_schemas };

#endif
