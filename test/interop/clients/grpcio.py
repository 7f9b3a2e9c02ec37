"""The client of grpcio. Arguments and output are those of grpc-js.mjs."""

import json
import sys
import threading
from collections import Counter

import grpc

address, method, deadline_ms, kind = sys.argv[1:5]
timeout = int(deadline_ms) / 1000
channel = grpc.insecure_channel(address)
names = {"request_serializer": str.encode, "response_deserializer": bytes.decode}
call_unary = channel.unary_unary(method, **names)
call_stream = channel.unary_stream(method, **names)


def unary(wait_for_ready=False):
    try:
        value = call_unary("hello", timeout=timeout, wait_for_ready=wait_for_ready)
        return {"code": 0, "text": "", "messages": [value]}
    except grpc.RpcError as error:
        return {"code": error.code().value[0], "text": error.details(), "messages": []}


def stream():
    messages = []
    call = call_stream("hello", timeout=timeout)
    try:
        for value in call:
            messages.append(value)
    except grpc.RpcError:
        pass
    return {"code": call.code().value[0], "text": call.details(), "messages": messages}


def loop():
    is_over = threading.Event()
    results = []

    def caller():
        while not is_over.is_set():
            results.append(unary(wait_for_ready=True))

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for thread in callers:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in callers:
        thread.join()
    lost = Counter(f"{r['code']} {r['text']}" for r in results if r["code"] != 0)
    return {"calls": len(results), "lost": lost}


print(json.dumps({"unary": unary, "stream": stream, "loop": loop}[kind]()))
