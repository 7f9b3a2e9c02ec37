// The client of connect-go, over the protocol of gRPC. Arguments and output are those of grpc-js.mjs, without `loop`: it does
// not wait for a connection.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"connectrpc.com/connect"
)

// text is a message that is sent and received as it is.
type text struct{ value string }

type codec struct{}

func (codec) Name() string                      { return "proto" }
func (codec) Marshal(value any) ([]byte, error) { return []byte(value.(*text).value), nil }
func (codec) Unmarshal(data []byte, value any) error {
	value.(*text).value = string(data)
	return nil
}

func main() {
	address, method, kind := os.Args[1], os.Args[2], os.Args[4]
	milliseconds, _ := strconv.Atoi(os.Args[3])
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := connect.NewClient[text, text](
		&http.Client{Transport: &http.Transport{Protocols: &protocols}},
		"http://"+address+method, connect.WithGRPC(), connect.WithCodec(codec{}))
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	request := connect.NewRequest(&text{"hello"})
	messages := []string{}
	var err error
	if kind == "unary" {
		var response *connect.Response[text]
		if response, err = client.CallUnary(ctx, request); err == nil {
			messages = append(messages, response.Msg.value)
		}
	} else {
		var stream *connect.ServerStreamForClient[text]
		if stream, err = client.CallServerStream(ctx, request); err == nil {
			for stream.Receive() {
				messages = append(messages, stream.Msg().value)
			}
			err = stream.Err()
		}
	}
	code, message := 0, ""
	if err != nil {
		code, message = int(connect.CodeOf(err)), err.Error()
		if known := new(connect.Error); errors.As(err, &known) {
			message = known.Message()
		}
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"code": code, "text": message, "messages": messages})
}
