/** The client of grpc-java. Arguments and output are those of grpc-js.mjs. */
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

public class Client {
  record Result(int code, String text, List<String> messages) {}

  /** Sends and receives messages as they are. */
  static final MethodDescriptor.Marshaller<String> TEXT =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
          return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
          try {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        }
      };

  static ManagedChannel channel;
  static String path;
  static long deadlineMs;

  static MethodDescriptor<String, String> method(MethodType type) {
    return MethodDescriptor.newBuilder(TEXT, TEXT)
        .setType(type)
        .setFullMethodName(path.substring(1))
        .build();
  }

  static CallOptions options() {
    return CallOptions.DEFAULT.withDeadlineAfter(deadlineMs, TimeUnit.MILLISECONDS);
  }

  static Result ended(StatusRuntimeException error, List<String> messages) {
    Status status = error.getStatus();
    String text = status.getDescription() == null ? "" : status.getDescription();
    return new Result(status.getCode().value(), text, messages);
  }

  static Result unary(CallOptions options) {
    try {
      String value = ClientCalls.blockingUnaryCall(channel, method(MethodType.UNARY), options, "hello");
      return new Result(0, "", List.of(value));
    } catch (StatusRuntimeException error) {
      return ended(error, List.of());
    }
  }

  static Result stream() {
    List<String> messages = new ArrayList<>();
    try {
      ClientCalls.blockingServerStreamingCall(
              channel, method(MethodType.SERVER_STREAMING), options(), "hello")
          .forEachRemaining(messages::add);
      return new Result(0, "", messages);
    } catch (StatusRuntimeException error) {
      return ended(error, messages);
    }
  }

  static volatile boolean isOver = false;

  static String loop() throws Exception {
    List<Result> results = new ArrayList<>();
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Thread caller =
          new Thread(
              () -> {
                while (!isOver) {
                  Result result = unary(options().withWaitForReady());
                  synchronized (results) {
                    results.add(result);
                  }
                }
              });
      caller.start();
      callers.add(caller);
    }
    System.in.readAllBytes();
    isOver = true;
    for (Thread caller : callers) caller.join();
    Map<String, Integer> lost = new TreeMap<>();
    for (Result result : results) {
      if (result.code() != 0) lost.merge(result.code() + " " + result.text(), 1, Integer::sum);
    }
    String pairs =
        lost.entrySet().stream()
            .map(entry -> quote(entry.getKey()) + ":" + entry.getValue())
            .collect(Collectors.joining(","));
    return "{\"calls\":" + results.size() + ",\"lost\":{" + pairs + "}}";
  }

  static String quote(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }

  static String show(Result result) {
    String messages = result.messages().stream().map(Client::quote).collect(Collectors.joining(","));
    return "{\"code\":" + result.code() + ",\"text\":" + quote(result.text())
        + ",\"messages\":[" + messages + "]}";
  }

  public static void main(String[] args) throws Exception {
    path = args[1];
    deadlineMs = Long.parseLong(args[2]);
    channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    System.out.println(
        switch (args[3]) {
          case "unary" -> show(unary(options()));
          case "stream" -> show(stream());
          default -> loop();
        });
    channel.shutdownNow();
  }
}
