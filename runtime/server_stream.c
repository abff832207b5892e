/* server_stream.c: answers that are told while they are made. libmicrohttpd asks for more when the reader has room: only then is anything
 * formatted, so that a slow reader costs nothing and holds nobody up. */
#include "runtime/server_parts.h"

#include <string.h>

#include "runtime/api_receipts.h"

enum { BLOCK_BYTES = 8192 };

/* 0, or -1 when there will not be any more. */
static int format_more(struct rt_exchange *exchange)
{
    struct rt_answer *answer = exchange->call.answer;
    exchange->out.count = exchange->sent = 0;
    if (answer->cancelled || rt_answer_stream(answer, &exchange->out))
        return -1;
    if (answer->ended)
        rt_api_receipts_keep(exchange->call.at->receipts, answer);
    return 0;
}

static ssize_t read_stream(void *user, uint64_t position, char *out, size_t room)
{
    struct rt_exchange *exchange = user;
    (void)position;
    if (exchange->sent == exchange->out.count) {
        if (exchange->call.answer->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (format_more(exchange))
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    const size_t left = exchange->out.count - exchange->sent, bytes = left < room ? left : room;
    if (!bytes) {
        rt_exchange_suspend(exchange);
        return 0;
    }
    memcpy(out, exchange->out.at + exchange->sent, bytes);
    exchange->sent += bytes;
    return (ssize_t)bytes;
}

enum MHD_Result rt_reply_stream(struct rt_exchange *exchange)
{
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, exchange, NULL);
    if (!response)
        return MHD_NO;
    exchange->status = MHD_HTTP_OK;
    exchange->streaming = 1;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* or nginx would collect it */
    rt_reply_headers(exchange, response);
    const enum MHD_Result queued = MHD_queue_response(exchange->client->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}
