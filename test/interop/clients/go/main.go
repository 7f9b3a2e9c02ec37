// The client of grpc-go. Arguments and output are those of grpc-js.mjs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// text sends and receives messages as they are.
type text struct{}

func (text) Marshal(value any) ([]byte, error) { return []byte(*value.(*string)), nil }
func (text) Unmarshal(data []byte, value any) error {
	*value.(*string) = string(data)
	return nil
}
func (text) Name() string { return "proto" }

type result struct {
	Code     uint32   `json:"code"`
	Text     string   `json:"text"`
	Messages []string `json:"messages"`
}

func ended(err error, messages []string) result {
	return result{uint32(status.Code(err)), status.Convert(err).Message(), messages}
}

var hello = "hello"

func unary(connection *grpc.ClientConn, method string, timeout time.Duration, options ...grpc.CallOption) result {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var value string
	if err := connection.Invoke(ctx, method, &hello, &value, options...); err != nil {
		return ended(err, []string{})
	}
	return ended(nil, []string{value})
}

func stream(connection *grpc.ClientConn, method string, timeout time.Duration) result {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	messages := []string{}
	call, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err == nil {
		err = call.SendMsg(&hello)
	}
	if err == nil {
		err = call.CloseSend()
	}
	for err == nil {
		var value string
		if err = call.RecvMsg(&value); err == nil {
			messages = append(messages, value)
		}
	}
	if err == io.EOF {
		err = nil
	}
	return ended(err, messages)
}

func loop(connection *grpc.ClientConn, method string, timeout time.Duration) any {
	isOver := make(chan struct{})
	var lock sync.Mutex
	var callers sync.WaitGroup
	calls, lost := 0, map[string]int{}
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-isOver:
					return
				default:
				}
				one := unary(connection, method, timeout, grpc.WaitForReady(true))
				lock.Lock()
				calls++
				if one.Code != 0 {
					lost[fmt.Sprintf("%d %s", one.Code, one.Text)]++
				}
				lock.Unlock()
			}
		})
	}
	io.Copy(io.Discard, os.Stdin)
	close(isOver)
	callers.Wait()
	return map[string]any{"calls": calls, "lost": lost}
}

func main() {
	address, method, kind := os.Args[1], os.Args[2], os.Args[4]
	milliseconds, _ := strconv.Atoi(os.Args[3])
	timeout := time.Duration(milliseconds) * time.Millisecond
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(text{})))
	if err != nil {
		panic(err)
	}
	var seen any
	switch kind {
	case "unary":
		seen = unary(connection, method, timeout)
	case "stream":
		seen = stream(connection, method, timeout)
	default:
		seen = loop(connection, method, timeout)
	}
	json.NewEncoder(os.Stdout).Encode(seen)
}
