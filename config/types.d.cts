/** Types of the configuration file of Breakwater. `npm run schema` writes this file. */

/** A duration: one or more of `h`, `m`, `s` and `ms`, such as `1m30s`. */
export type Duration = string;

/** A share: a percentage such as `50%`. */
export type Share = string;

/** A number of bytes with `B`, `KiB`, `MiB` or `GiB`, such as `64KiB`. */
export type Size = string;

/** A rate: a number of calls per `s`, `m` or `h`, such as `100/s`. */
export type Rate = string;

/**
 * Sources of a substitute, used in this order if a call would end in a 500, 502, 503 or 504.
 *
 * Default: `off`.
 */
export type Fallback =
  | {
      /**
       * The last good response to the same GET or HEAD of the same caller.
       */
      cache?: {
        /**
         * Up to which age a kept response is sent.
         *
         * Default: `1h`.
         */
        ttl?: Duration;
      };
      /**
       * Name of another upstream. The call goes through its whole pipeline.
       */
      upstream?: string;
      /**
       * A response that is always the same.
       */
      static?: {
        /**
         * Status of the response.
         *
         * Default: `200`.
         */
        status?: number;
        /**
         * Header fields of the response. `Content-Length` follows from the body.
         */
        headers?: {
          [k: string]: string | number;
        };
        /**
         * Body of the response, as text.
         */
        body?: string;
        /**
         * File with the body, instead of `body`. The path is relative to the configuration file. It is read when the configuration is read.
         */
        bodyFile?: string;
      };
    }[]
  | ('off' | false);
/**
 * Keeps the response to a request with a key, and sends it again when the request is repeated.
 *
 * Default: `off`.
 */
export type Idempotency =
  | {
      /**
       * Header that carries the key. The upstream is sent it as well.
       *
       * Default: `Idempotency-Key`.
       */
      header?: string;
      /**
       * Whose a key is: two callers may use the same key for different requests. With `off` a key is the same for all callers of the upstream.
       */
      caller?:
        | {
            /**
             * Header that tells who the caller is.
             *
             * Default: `Authorization`.
             */
            header?: string;
          }
        | ('off' | false | 'on' | true);
      /**
       * Methods, in capitals, whose keys count. Requests with other methods pass.
       *
       * Default: `[POST,PATCH]`.
       */
      methods?: string[];
      /**
       * How long a response is kept.
       *
       * Default: `24h`.
       */
      ttl?: Duration;
      /**
       * How long a key stays taken by a call whose process has died. A process that lives renews it while the call runs, and tries for as long to keep a response while the store is away.
       *
       * Default: `60s`.
       */
      lockTimeout?: Duration;
      /**
       * How long a repeated request waits for the response to the first one before it is refused with 409.
       *
       * Default: `0s`.
       */
      wait?: Duration;
      /**
       * Whether a request of these methods without a key is refused.
       *
       * Default: `false`.
       */
      required?: boolean;
      /**
       * Whether calls are refused while the store cannot be used. Otherwise they are forwarded without protection.
       *
       * Default: `false`.
       */
      failClosed?: boolean;
      /**
       * Whether a call goes on when its client hangs up, so that the response is kept for the next request.
       *
       * Default: `true`.
       */
      finishOnHangUp?: boolean;
    }
  | ('off' | false | 'on' | true);
/**
 * Refuses calls that come faster than a rate. `rateLimit: on` switches it on with the defaults below.
 *
 * Default: `off`.
 */
export type RateLimit =
  | {
      /**
       * `shadow`: calls are judged, but none is refused or cut short. `breakwater_shadow_total` counts what `enforce` would do.
       *
       * Default: `enforce`.
       */
      mode?: 'enforce' | 'shadow';
      /**
       * How many calls may pass in the long run: per second, minute or hour.
       *
       * Default: `100/s`.
       */
      rate?: Rate;
      /**
       * How many calls may pass at once after a pause. If it is not written: as many as `rate` allows in one second, but at least 1.
       */
      burst?: number;
      /**
       * Gives each value of a header a smaller limit within the one for all.
       *
       * Default: `off`.
       */
      perKey?:
        | {
            /**
             * Header that identifies the caller. Calls without it count towards the limit for all only.
             *
             * Default: `X-Api-Key`.
             */
            header?: string;
            /**
             * How many calls with the same value of the header may pass in the long run.
             *
             * Default: `10/s`.
             */
            rate?: Rate;
            /**
             * How many calls with the same value may pass at once after a pause. If it is not written: as many as `perKey.rate` allows in one second, but at least 1.
             */
            burst?: number;
          }
        | ('off' | false | 'on' | true);
      /**
       * Whether all replicas count together, in the Redis store. Otherwise each process counts by itself.
       *
       * Default: `false`.
       */
      shared?: boolean;
    }
  | ('off' | false | 'on' | true);
/**
 * Deadline propagation: one instant by which the whole chain of calls must end.
 */
export type Deadline =
  | {
      /**
       * Name of the header that carries the deadline, from the client and to the upstream.
       *
       * Default: `X-Deadline`.
       */
      header?: string;
      /**
       * How much earlier than the deadline the upstream is told to finish. A call that has no more time left than this is not sent.
       *
       * Default: `50ms`.
       */
      buffer?: Duration;
      /**
       * Whether the upstream is sent the deadline.
       *
       * Default: `true`.
       */
      propagate?: boolean;
    }
  | ('off' | false | 'on' | true);
/**
 * Limits how many calls the upstream has at once.
 */
export type Bulkhead =
  | {
      /**
       * `shadow`: calls are judged, but none is refused or cut short. `breakwater_shadow_total` counts what `enforce` would do.
       *
       * Default: `enforce`.
       */
      mode?: 'enforce' | 'shadow';
      /**
       * How many calls may run at once. Each counts until the last byte of its response, but not during back-off. As many more may be in back-off; one above that is not retried.
       *
       * Default: `100`.
       */
      maxConcurrent?: number;
      /**
       * How many calls may wait for a slot. A further call is refused. `0` means that there is no queue.
       *
       * Default: `50`.
       */
      maxQueue?: number;
      /**
       * Longest wait for a slot. `off`: until the deadline.
       *
       * Default: `1s`.
       */
      queueTimeout?: Duration | ('off' | false | 'on' | true);
      /**
       * How many event streams may be open at once. They do not count as running calls. A further one is ended and refused. `off`: any number.
       *
       * Default: `off`.
       */
      maxStreams?: number | ('off' | false);
      /**
       * Gives each value of a header a smaller limit within the shared one.
       *
       * Default: `off`.
       */
      perKey?:
        | {
            /**
             * Header that identifies the caller. Calls without it share one limit.
             *
             * Default: `X-User-Id`.
             */
            header?: string;
            /**
             * How many calls with the same value of the header may run at once.
             *
             * Default: `5`.
             */
            maxConcurrent?: number;
          }
        | ('off' | false | 'on' | true);
      /**
       * Moves the limit with the errors and the latency of the upstream. The limit starts at `maxConcurrent`.
       *
       * Default: `off`.
       */
      adaptive?:
        | {
            /**
             * The limit never falls below this.
             *
             * Default: `5`.
             */
            min?: number;
            /**
             * The limit never rises above this.
             *
             * Default: `200`.
             */
            max?: number;
            /**
             * If the share of failed attempts is above this, the limit is halved.
             *
             * Default: `20%`.
             */
            decreaseAbove?: Share;
            /**
             * The limit rises only while the share of failed attempts is below this.
             *
             * Default: `5%`.
             */
            increaseBelow?: Share;
            /**
             * How far back attempts count. The limit can move fifty times in this time.
             *
             * Default: `10s`.
             */
            window?: Duration;
          }
        | ('off' | false | 'on' | true);
    }
  | ('off' | false | 'on' | true);
/**
 * Repeats a failed attempt. `off` means that nothing is repeated, not even after a kept connection turned out to be closed.
 */
export type Retry =
  | {
      /**
       * How many attempts a call may have, the first included.
       *
       * Default: `3`.
       */
      maxAttempts?: number;
      /**
       * Methods, in capitals, that may be repeated even if the upstream may have acted already. A request with an idempotency key may be repeated as well.
       *
       * Default: `[GET,HEAD,OPTIONS,PUT,DELETE,TRACE]`.
       */
      methods?: string[];
      /**
       * Response statuses that are worth another attempt.
       *
       * Default: `[408,429,500,502,503,504]`.
       */
      statuses?: number[];
      /**
       * Which gRPC calls may be repeated, in place of `methods`. `unsent`: those of which nothing was sent. `idempotent`: all, because their methods may be carried out twice.
       *
       * Default: `unsent`.
       */
      grpc?: 'unsent' | 'idempotent';
      /**
       * For `grpc: idempotent`: statuses of gRPC that are worth another attempt if nothing else came.
       *
       * Default: `[UNAVAILABLE]`.
       */
      grpcStatuses?: (
        | 'CANCELLED'
        | 'UNKNOWN'
        | 'INVALID_ARGUMENT'
        | 'DEADLINE_EXCEEDED'
        | 'NOT_FOUND'
        | 'ALREADY_EXISTS'
        | 'PERMISSION_DENIED'
        | 'RESOURCE_EXHAUSTED'
        | 'FAILED_PRECONDITION'
        | 'ABORTED'
        | 'OUT_OF_RANGE'
        | 'UNIMPLEMENTED'
        | 'INTERNAL'
        | 'UNAVAILABLE'
        | 'DATA_LOSS'
        | 'UNAUTHENTICATED'
      )[];
      /**
       * Delay between attempts.
       */
      backoff?: {
        /**
         * How the delay grows. `exponential`: `baseDelay` x `multiplier`^(n-1). `linear`: `baseDelay` x n. `constant`: `baseDelay`. `decorrelated`: random between `baseDelay` and three times the delay before.
         *
         * Default: `exponential`.
         */
        strategy?: 'exponential' | 'linear' | 'constant' | 'decorrelated';
        /**
         * Delay before the second attempt.
         *
         * Default: `100ms`.
         */
        baseDelay?: Duration;
        /**
         * Longest delay, before jitter.
         *
         * Default: `2s`.
         */
        maxDelay?: Duration;
        /**
         * Growth of the exponential delay from attempt to attempt.
         *
         * Default: `2`.
         */
        multiplier?: number;
        /**
         * Spread of a delay d. `full`: 0 to d. `equal`: d/2 to d. `half`: d/2 to 3d/2. `none`: d itself. A `decorrelated` delay is random already and has no further spread.
         *
         * Default: `full`.
         */
        jitter?: 'full' | 'equal' | 'half' | 'none';
      };
      /**
       * Whether the delay is at least the `Retry-After` of a failed response, and is its `grpc-retry-pushback-ms`.
       *
       * Default: `true`.
       */
      respectRetryAfter?: boolean;
      /**
       * If the upstream asks for a longer wait than this, there is no further attempt.
       *
       * Default: `10s`.
       */
      maxRetryAfter?: Duration;
      /**
       * Highest `Retry-After` of Breakwater's own 503 responses: client libraries sleep that long. `off`: they have no `Retry-After`. If it is not set: as long as the reason for the 503 is expected to last.
       */
      ownRetryAfter?: Duration | ('off' | false);
      /**
       * Whether Breakwater's own 502 and 504 have `X-Should-Retry: false` if the request was sent and may not be repeated. Some client libraries go by it.
       *
       * Default: `false`.
       */
      hints?: boolean;
      /**
       * Limits the share of retries in the traffic, so that retries do not make an outage worse.
       */
      budget?:
        | {
            /**
             * How many retries there may be per first attempt in the window.
             *
             * Default: `20%`.
             */
            ratio?: Share;
            /**
             * How many retries per second of the window are allowed in any case.
             *
             * Default: `3`.
             */
            minPerSecond?: number;
            /**
             * How far back attempts count.
             *
             * Default: `10s`.
             */
            window?: Duration;
          }
        | ('off' | false | 'on' | true);
      /**
       * Largest request body that is kept for another attempt. A larger one is forwarded, but not repeated.
       *
       * Default: `64KiB`.
       */
      bodyLimit?: Size;
    }
  | ('off' | false | 'on' | true);
/**
 * Starts another attempt at another endpoint while the first one is slow, and uses the first good response. `hedge: on` switches it on with the defaults below.
 *
 * Default: `off`.
 */
export type Hedge =
  | {
      /**
       * How long the first attempt may be without response headers before another attempt starts. Once 100 response times are known, the wait is their `percentile`, but never less than `after`.
       *
       * Default: `200ms`.
       */
      after?: Duration;
      /**
       * Which percentile of the response times is waited for. About this many of 100 calls get no extra attempt.
       *
       * Default: `95`.
       */
      percentile?: number;
      /**
       * How many extra attempts a call may have, each after a further wait.
       *
       * Default: `1`.
       */
      maxExtra?: number;
      /**
       * Methods, in capitals, of requests that may be hedged, with an idempotency key or without. The upstream must also be allowed to get them twice: they are in `retry.methods`, or carry an idempotency key.
       *
       * Default: `[GET,HEAD,OPTIONS]`.
       */
      methods?: string[];
    }
  | ('off' | false | 'on' | true);
/**
 * Stops calling an upstream that keeps failing.
 */
export type CircuitBreaker =
  | {
      /**
       * `shadow`: calls are judged, but none is refused or cut short. `breakwater_shadow_total` counts what `enforce` would do.
       *
       * Default: `enforce`.
       */
      mode?: 'enforce' | 'shadow';
      /**
       * `upstream`: all routes share one circuit, except for those that write `circuitBreaker`. `route`: each route has its own.
       *
       * Default: `upstream`.
       */
      scope?: 'upstream' | 'route';
      /**
       * Replicas tell each other over the Redis store when they open or close this circuit.
       *
       * Default: `false`.
       */
      shared?: boolean;
      /**
       * This many failures in a row open the circuit, retries included.
       *
       * Default: `5`.
       */
      failureThreshold?: number | ('off' | false | 'on' | true);
      /**
       * Opens the circuit at a share of failed first attempts.
       */
      failureRate?:
        | {
            /**
             * Share of failed first attempts in the window that opens the circuit.
             *
             * Default: `50%`.
             */
            threshold?: Share;
            /**
             * How far back first attempts count. `slowCall` uses it too.
             *
             * Default: `10s`.
             */
            window?: Duration;
            /**
             * How many first attempts must be in the window before a share counts. `slowCall` uses it too.
             *
             * Default: `20`.
             */
            minimumCalls?: number;
          }
        | ('off' | false | 'on' | true);
      /**
       * Opens the circuit at a share of slow first attempts, failed or not.
       *
       * Default: `off`.
       */
      slowCall?:
        | {
            /**
             * An attempt is slow if its response headers take longer than this.
             *
             * Default: `2s`.
             */
            duration?: Duration;
            /**
             * Share of slow first attempts in the window that opens the circuit.
             *
             * Default: `80%`.
             */
            threshold?: Share;
          }
        | ('off' | false | 'on' | true);
      /**
       * How long an open circuit refuses calls before it lets probes through.
       *
       * Default: `30s`.
       */
      recoveryTimeout?: Duration;
      /**
       * Multiplies `recoveryTimeout` with each opening in a row.
       *
       * Default: `1`.
       */
      recoveryMultiplier?: number;
      /**
       * Longest time to which `recoveryTimeout` can grow.
       *
       * Default: `5m`.
       */
      maxRecoveryTimeout?: Duration;
      /**
       * How many probes may wait for their response headers at once.
       *
       * Default: `3`.
       */
      halfOpenMaxCalls?: number;
      /**
       * This many successful probes close the circuit.
       *
       * Default: `3`.
       */
      successThreshold?: number;
      /**
       * Response statuses that count as failures.
       *
       * Default: `[500,502,503,504]`.
       */
      failureStatuses?: number[];
      /**
       * Statuses of gRPC that count as failures. `OK` counts as a success, all others count as neither.
       *
       * Default: `[UNKNOWN,DEADLINE_EXCEEDED,INTERNAL,UNAVAILABLE,DATA_LOSS]`.
       */
      failureGrpcStatuses?: (
        | 'CANCELLED'
        | 'UNKNOWN'
        | 'INVALID_ARGUMENT'
        | 'DEADLINE_EXCEEDED'
        | 'NOT_FOUND'
        | 'ALREADY_EXISTS'
        | 'PERMISSION_DENIED'
        | 'RESOURCE_EXHAUSTED'
        | 'FAILED_PRECONDITION'
        | 'ABORTED'
        | 'OUT_OF_RANGE'
        | 'UNIMPLEMENTED'
        | 'INTERNAL'
        | 'UNAVAILABLE'
        | 'DATA_LOSS'
        | 'UNAUTHENTICATED'
      )[];
      /**
       * An attempt that the deadline ended is a failure only if it had at least this much time.
       *
       * Default: `100ms`.
       */
      minimumTimeout?: Duration;
    }
  | ('off' | false | 'on' | true);
/**
 * Timeouts of the call and of each attempt.
 */
export type Timeout =
  | {
      /**
       * Longest wait for a connection, TCP and TLS together. `off` leaves it to the operating system: about two minutes.
       *
       * Default: `2s`.
       */
      connect?: Duration | ('off' | false | 'on' | true);
      /**
       * Longest time for which the upstream may accept no bytes of the request body.
       *
       * Default: `15s`.
       */
      write?: Duration | ('off' | false | 'on' | true);
      /**
       * Longest time from the start of an attempt to its response headers. It does not run while the client uploads, and starts again when the upload is complete.
       *
       * Default: `10s`.
       */
      attempt?: Duration | ('off' | false | 'on' | true);
      /**
       * How much more time each further attempt has. Attempt number n has `attempt` x (1 + `attemptGrowth` x (n-1)).
       *
       * Default: `off`.
       */
      attemptGrowth?: Share | ('off' | false);
      /**
       * Learns `attempt` from the response times. `adaptive: {}` switches it on with the defaults below.
       *
       * Default: `off`.
       */
      adaptive?:
        | {
            /**
             * `shadow`: calls are judged, but none is refused or cut short. `breakwater_shadow_total` counts what `enforce` would do.
             *
             * Default: `enforce`.
             */
            mode?: 'enforce' | 'shadow';
            /**
             * Which percentile of the response times counts. About this many of 100 attempts are not cut off.
             *
             * Default: `99`.
             */
            percentile?: number;
            /**
             * How many times the percentile an attempt may take.
             *
             * Default: `1.5`.
             */
            multiplier?: number;
            /**
             * The learned timeout is never less than this.
             *
             * Default: `1s`.
             */
            min?: Duration;
            /**
             * The learned timeout is never more than this.
             *
             * Default: `30s`.
             */
            max?: Duration;
            /**
             * How many of the last response times count.
             *
             * Default: `100`.
             */
            window?: number;
            /**
             * How many response times are needed before the learned timeout replaces `attempt`.
             *
             * Default: `10`.
             */
            minSamples?: number;
          }
        | ('off' | false | 'on' | true);
      /**
       * Longest gap between bytes of a response body.
       *
       * Default: `30s`.
       */
      idle?: Duration | ('off' | false | 'on' | true);
      /**
       * Longest time for the whole call: queue, back-off and body included.
       *
       * Default: `35s`.
       */
      total?: Duration | ('off' | false | 'on' | true);
      /**
       * Longest silence of an event stream, or of both directions of an upgraded connection.
       *
       * Default: `5m`.
       */
      stream?: Duration | ('off' | false | 'on' | true);
    }
  | ('off' | false | 'on' | true);
/**
 * Lets attempts fail or be slow on purpose, as if the upstream had done it. For tests and game days.
 *
 * Default: `off`.
 */
export type Fault =
  | {
      /**
       * The upstream is slow.
       *
       * Default: `off`.
       */
      delay?:
        | {
            /**
             * Share of the attempts that get this fault, drawn for each attempt.
             *
             * Default: `100%`.
             */
            share?: Share;
            /**
             * How much later the headers of the response come.
             *
             * Default: `1s`.
             */
            time?: Duration;
          }
        | ('off' | false | 'on' | true);
      /**
       * The upstream responds with an error. It gets no request.
       *
       * Default: `off`.
       */
      abort?:
        | {
            /**
             * Share of the attempts that get this fault, drawn for each attempt.
             *
             * Default: `100%`.
             */
            share?: Share;
            /**
             * Status of the response that comes at once. A gRPC call gets the gRPC status that this one means.
             *
             * Default: `503`.
             */
            status?: number;
          }
        | ('off' | false | 'on' | true);
      /**
       * The connection breaks without a response. The upstream gets no request.
       *
       * Default: `off`.
       */
      reset?:
        | {
            /**
             * Share of the attempts that get this fault, drawn for each attempt.
             *
             * Default: `100%`.
             */
            share?: Share;
          }
        | ('off' | false | 'on' | true);
      /**
       * Header by which a request may ask for a fault: `delay=2s`, `abort=503` or `reset`.
       *
       * Default: `off`.
       */
      header?: string | ('off' | false);
      /**
       * How many attempts get a fault; all after them get none. If it is not written, there is no end.
       */
      first?: number;
    }
  | ('off' | false | 'on' | true);

/**
 * Configuration of Breakwater.
 */
export interface Config {
  /**
   * Further files with sections, relative to this file; `*` stands for any part of a name. `upstreams` and `profiles` of all files count together; each other section stands in one file.
   *
   * @minItems 1
   */
  include?: string[];
  /**
   * The admin listener.
   */
  admin?: {
    /**
     * Address for metrics, health and state: `host:port`, `port`, or `unix:/path.sock`.
     *
     * Default: `127.0.0.1:9900`.
     */
    listen?: string | number;
    /**
     * A second address, which serves only `/metrics`, `/healthz` and `/readyz`: for scrapers and probes on other machines while `listen` is for this one.
     */
    metrics?: string | number;
    /**
     * Bearer token that writes need. Without one, writes are accepted from loopback only.
     */
    token?: string;
  };
  /**
   * The shared listener.
   */
  server?: {
    /**
     * Address of the shared listener. It is opened only if an upstream has a `prefix`.
     *
     * Default: `127.0.0.1:8080`.
     */
    listen?: string | number;
  };
  /**
   * Logs.
   */
  log?: {
    /**
     * The least important level that is written.
     *
     * Default: `info`.
     */
    level?: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
    /**
     * Which exchanges get a line: all, those that went wrong, or none.
     *
     * Default: `errors`.
     */
    access?: 'all' | 'errors' | 'off' | false;
    /**
     * How many exchanges get a line where there are many alike.
     */
    sample?: {
      /**
       * Most lines for calls that Breakwater refuses without an attempt, for each upstream; `leftOut` in the next line counts the others. If it is not written: `100/s` with `access: errors`, and no limit with `access: all`. Other calls that went wrong always get their line.
       */
      errors?: Rate;
      /**
       * Share of the good calls that get a line with `access: all`.
       *
       * Default: `100%`.
       */
      ok?: Share;
    };
  };
  /**
   * How the process ends.
   */
  shutdown?: {
    /**
     * How long new connections are still served while `/readyz` responds 503.
     *
     * Default: `0s`.
     */
    delay?: Duration;
    /**
     * How long requests in flight may take after `delay`.
     *
     * Default: `25s`.
     */
    grace?: Duration;
  };
  /**
   * Guards of all listeners against their clients.
   */
  limits?: {
    /**
     * Longest time until a request head is complete; then 408.
     *
     * Default: `10s`.
     */
    headerTimeout?: Duration;
    /**
     * Longest silence within a request body; then 408.
     *
     * Default: `30s`.
     */
    bodyIdle?: Duration;
    /**
     * How long an idle connection of a client is kept.
     *
     * Default: `75s`.
     */
    keepAlive?: Duration;
    /**
     * Largest request head; a larger one gets 431. It also limits the response heads of upstreams.
     *
     * Default: `32KiB`.
     */
    maxHeaderSize?: Size;
    /**
     * Largest request body; a larger one gets 413.
     *
     * Default: `off`.
     */
    maxRequestBody?: Size | ('off' | false);
    /**
     * Most connections per listener; further ones are closed at once.
     *
     * Default: `off`.
     */
    maxConnections?: number | ('off' | false);
  };
  /**
   * Refuses a share of new calls while this process is overloaded.
   *
   * Default: `off`.
   */
  overload?:
    | {
        /**
         * `shadow`: calls are judged, but none is refused or cut short. `breakwater_shadow_total` counts what `enforce` would do.
         *
         * Default: `enforce`.
         */
        mode?: 'enforce' | 'shadow';
        /**
         * Delay of the event loop above which calls are refused.
         *
         * Default: `100ms`.
         */
        eventLoopDelay?: Duration | ('off' | false | 'on' | true);
        /**
         * Share of the memory limit of the container, or of the memory of the machine if there is no limit, above which calls are refused.
         *
         * Default: `85%`.
         */
        memory?: Share | ('off' | false | 'on' | true);
        /**
         * Share of new calls that are refused while a limit is exceeded.
         *
         * Default: `30%`.
         */
        shed?: Share;
      }
    | ('off' | false | 'on' | true);
  /**
   * Where policies keep what must outlive a call.
   */
  stores?: {
    /**
     * Where kept responses are: in the memory of this process, or in a Redis that replicas share.
     *
     * Default: `memory`.
     */
    kind?: 'memory' | 'redis';
    /**
     * Memory for responses that fallbacks keep: keys, values and what goes with them. The least recently used entries are removed first. For `memory` only.
     *
     * Default: `64MiB`.
     */
    maxBytes?: Size;
    /**
     * The same for idempotency keys. Kept responses of finished calls are removed first, the least recently used before others; the key of a running call is never removed. For `memory` only.
     *
     * Default: `16MiB`.
     */
    maxRecordBytes?: Size;
    /**
     * Longest wait for a response of the Redis server. Time in which this process was busy does not count. A fallback waits for at most 50 ms in any case. For `redis` only.
     *
     * Default: `500ms`.
     */
    timeout?: Duration;
    /**
     * Address of the Redis server: `redis://`, or `rediss://` for TLS. For `redis` only, which needs it or `urls`.
     */
    url?: string;
    /**
     * In place of `url`: the sentinels in mode `sentinel`, any nodes of the cluster in mode `cluster`, exactly one server in mode `single`.
     *
     * @minItems 1
     */
    urls?: string[];
    /**
     * How the servers work together: one server, a primary that sentinels name, or a cluster. For `redis` only.
     *
     * Default: `single`.
     */
    mode?: 'single' | 'sentinel' | 'cluster';
    /**
     * The name that the sentinels have for the primary. For mode `sentinel` only, which needs it.
     */
    master?: string;
    /**
     * Text in front of every key, so that several users can share a server. For `redis` only.
     *
     * Default: `breakwater:`.
     */
    keyPrefix?: string;
    /**
     * ACL user of the servers, if it differs from the one in the URLs. In mode `sentinel` the URLs have the user of the sentinels. For `redis` only.
     */
    username?: string;
    /**
     * Password that goes with `stores.username`. For `redis` only.
     */
    password?: string;
  };
  /**
   * Sends OpenTelemetry spans of calls and attempts to a collector.
   *
   * Default: `off`.
   */
  tracing?:
    | {
        /**
         * Base address of the collector; `/v1/traces` is appended. If it is not written: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` as it is, `OTEL_EXPORTER_OTLP_ENDPOINT`, or `http://127.0.0.1:4318`.
         */
        endpoint?: string;
        /**
         * Format of the spans. If it is not written: `OTEL_EXPORTER_OTLP_PROTOCOL`, or `http/protobuf`.
         */
        protocol?: 'http/protobuf' | 'http/json';
        /**
         * Which calls are recorded. A caller that has its trace recorded or not always decides for its calls. The share holds for calls without a trace; with `parent` none of these is recorded.
         *
         * Default: `parent`.
         */
        sample?: Share | 'parent';
        /**
         * Header fields of the requests to the collector, such as an API key. Those of `OTEL_EXPORTER_OTLP_HEADERS` are added.
         */
        headers?: {
          [k: string]: string | number;
        };
        /**
         * `service.name` of the spans. If it is not written: `OTEL_SERVICE_NAME`, `service.name` of `OTEL_RESOURCE_ATTRIBUTES`, or `breakwater`.
         */
        serviceName?: string;
      }
    | ('off' | false | 'on' | true);
  /**
   * Named bundles of policy keys.
   */
  profiles?: {
    [k: string]: Policies;
  };
  defaults?: Policies;
  /**
   * The services to call, by name.
   */
  upstreams: {
    [k: string]: Upstream;
  };
}
/**
 * Policy keys.
 */
export interface Policies {
  /**
   * How the names in the targets are followed.
   */
  resolve?: {
    /**
     * `all`: each address of the name is an endpoint. `first`: the name is one endpoint, and each connection goes to an address as the system gives it.
     *
     * Default: `all`.
     */
    addresses?: 'all' | 'first';
    /**
     * How often the name is looked up again while there are calls. It is also looked up after an endpoint could not be connected to.
     *
     * Default: `5s`.
     */
    refresh?: Duration;
    /**
     * How long a connection is used for further requests. Busy connections move to the current addresses of the name this way.
     *
     * Default: `5m`.
     */
    maxAge?: Duration | ('off' | false | 'on' | true);
  };
  /**
   * How calls are spread over the endpoints.
   */
  balance?: {
    /**
     * How an endpoint is chosen for an attempt. `least-request`: of two random ones that with fewer calls in flight per weight. `round-robin`: in turn, by weight. `random`: by weight. `hash`: the same endpoint for the same `key`.
     *
     * Default: `least-request`.
     */
    strategy?: 'least-request' | 'round-robin' | 'random' | 'hash';
    /**
     * For `hash`: `{ header: NAME }`, `{ cookie: NAME }` or `path`. A call without it is balanced by `least-request`.
     */
    key?:
      | 'path'
      | {
          /**
           * Name of a request header field.
           */
          header?: string;
          /**
           * Name of a cookie.
           */
          cookie?: string;
        };
  };
  /**
   * Takes endpoints at which attempts fail out for a while. It acts where there are two endpoints or more.
   */
  ejection?:
    | {
        /**
         * This many failures in a row eject an endpoint.
         *
         * Default: `5`.
         */
        consecutiveFailures?: number;
        /**
         * How long an endpoint is out, times the number of ejections in a row.
         *
         * Default: `10s`.
         */
        baseTime?: Duration;
        /**
         * Longest time that an endpoint is out.
         *
         * Default: `5m`.
         */
        maxTime?: Duration;
        /**
         * Share of the endpoints that may be out at a time: rounded down, but at least one.
         *
         * Default: `50%`.
         */
        maxShare?: Share;
      }
    | ('off' | false | 'on' | true);
  /**
   * Asks each endpoint regularly whether it is well. Checks are not calls.
   *
   * Default: `off`.
   */
  healthCheck?:
    | {
        /**
         * Path that is requested with GET. One of `path` and `grpc` is needed.
         */
        path?: string;
        /**
         * Service that is asked for by `grpc.health.v1`; empty for the server as a whole.
         */
        grpc?: string;
        /**
         * Time between two checks of one endpoint; it varies by up to 10%.
         *
         * Default: `5s`.
         */
        interval?: Duration;
        /**
         * A check without a response after this time has failed.
         *
         * Default: `1s`.
         */
        timeout?: Duration;
        /**
         * This many failed checks in a row make an endpoint unhealthy.
         *
         * Default: `3`.
         */
        unhealthyAfter?: number;
        /**
         * This many successful checks in a row make it healthy again.
         *
         * Default: `2`.
         */
        healthyAfter?: number;
        /**
         * Response statuses of a successful check.
         *
         * Default: `[200,204]`.
         *
         * @minItems 1
         */
        statuses?: number[];
      }
    | ('off' | false | 'on' | true);
  /**
   * How long the share of an endpoint grows, linearly, after it is new or has come back. Off: it has its whole share at once.
   *
   * Default: `off`.
   */
  slowStart?: Duration | ('off' | false);
  /**
   * `http1`: HTTP/1.1. `http2`: HTTP/2, for `http://` without an upgrade (prior knowledge), for `https://` by ALPN `h2` alone. `auto`: for `https://` the upstream chooses by ALPN, for `http://` as `http1`. gRPC requests always go by HTTP/2.
   *
   * Default: `http1`.
   */
  protocol?: 'http1' | 'http2' | 'auto';
  fallback?: Fallback;
  idempotency?: Idempotency;
  rateLimit?: RateLimit;
  deadline?: Deadline;
  bulkhead?: Bulkhead;
  retry?: Retry;
  hedge?: Hedge;
  circuitBreaker?: CircuitBreaker;
  timeout?: Timeout;
  fault?: Fault;
}
/**
 * A service to call.
 */
export interface Upstream {
  /**
   * A listener of its own: `host:port`, `port`, or `unix:/path.sock`. At least one of `listen` and `prefix` is needed.
   */
  listen?: string | number;
  /**
   * Path prefix on the shared listener. It is removed before forwarding.
   */
  prefix?: string;
  /**
   * Where calls go: `http://`, `https://` or `http+unix://%2Fpath.sock`, with an optional path. One of `target` and `targets` is needed.
   */
  target?: string;
  /**
   * In place of `target`: a list of URLs, or of mappings with `url` and `weight`. All have the same scheme and the same path.
   *
   * @minItems 1
   */
  targets?: (
    | string
    | {
        /**
         * As in `target`.
         */
        url: string;
        /**
         * Each address of the target gets this share of the calls, compared with the other weights.
         *
         * Default: `1`.
         */
        weight?: number;
      }
  )[];
  /**
   * The profile whose policy keys are used.
   */
  profile?: string;
  /**
   * Whether the upstream is sent the `Host` of the client instead of that of the target.
   *
   * Default: `false`.
   */
  preserveHost?: boolean;
  /**
   * Whether clients are sent the `103 Early Hints` of the upstream. Some clients take a 103 for the response.
   *
   * Default: `on`.
   */
  earlyHints?: 'on' | 'off' | true | false;
  /**
   * TLS to the target. File names are relative to the configuration file.
   */
  tls?: {
    /**
     * PEM file of the authorities to trust instead of those of the system.
     */
    ca?: string;
    /**
     * PEM file of the client certificate to present. It needs `tls.key`.
     */
    cert?: string;
    /**
     * PEM file of the private key of the client certificate.
     */
    key?: string;
    /**
     * Name to ask for and to verify instead of the host of the target.
     */
    serverName?: string;
    /**
     * Trusts any certificate. For experiments only.
     *
     * Default: `false`.
     */
    insecureSkipVerify?: boolean;
  };
  /**
   * How the names in the targets are followed.
   */
  resolve?: {
    /**
     * `all`: each address of the name is an endpoint. `first`: the name is one endpoint, and each connection goes to an address as the system gives it.
     *
     * Default: `all`.
     */
    addresses?: 'all' | 'first';
    /**
     * How often the name is looked up again while there are calls. It is also looked up after an endpoint could not be connected to.
     *
     * Default: `5s`.
     */
    refresh?: Duration;
    /**
     * How long a connection is used for further requests. Busy connections move to the current addresses of the name this way.
     *
     * Default: `5m`.
     */
    maxAge?: Duration | ('off' | false | 'on' | true);
  };
  /**
   * How calls are spread over the endpoints.
   */
  balance?: {
    /**
     * How an endpoint is chosen for an attempt. `least-request`: of two random ones that with fewer calls in flight per weight. `round-robin`: in turn, by weight. `random`: by weight. `hash`: the same endpoint for the same `key`.
     *
     * Default: `least-request`.
     */
    strategy?: 'least-request' | 'round-robin' | 'random' | 'hash';
    /**
     * For `hash`: `{ header: NAME }`, `{ cookie: NAME }` or `path`. A call without it is balanced by `least-request`.
     */
    key?:
      | 'path'
      | {
          /**
           * Name of a request header field.
           */
          header?: string;
          /**
           * Name of a cookie.
           */
          cookie?: string;
        };
  };
  /**
   * Takes endpoints at which attempts fail out for a while. It acts where there are two endpoints or more.
   */
  ejection?:
    | {
        /**
         * This many failures in a row eject an endpoint.
         *
         * Default: `5`.
         */
        consecutiveFailures?: number;
        /**
         * How long an endpoint is out, times the number of ejections in a row.
         *
         * Default: `10s`.
         */
        baseTime?: Duration;
        /**
         * Longest time that an endpoint is out.
         *
         * Default: `5m`.
         */
        maxTime?: Duration;
        /**
         * Share of the endpoints that may be out at a time: rounded down, but at least one.
         *
         * Default: `50%`.
         */
        maxShare?: Share;
      }
    | ('off' | false | 'on' | true);
  /**
   * Asks each endpoint regularly whether it is well. Checks are not calls.
   *
   * Default: `off`.
   */
  healthCheck?:
    | {
        /**
         * Path that is requested with GET. One of `path` and `grpc` is needed.
         */
        path?: string;
        /**
         * Service that is asked for by `grpc.health.v1`; empty for the server as a whole.
         */
        grpc?: string;
        /**
         * Time between two checks of one endpoint; it varies by up to 10%.
         *
         * Default: `5s`.
         */
        interval?: Duration;
        /**
         * A check without a response after this time has failed.
         *
         * Default: `1s`.
         */
        timeout?: Duration;
        /**
         * This many failed checks in a row make an endpoint unhealthy.
         *
         * Default: `3`.
         */
        unhealthyAfter?: number;
        /**
         * This many successful checks in a row make it healthy again.
         *
         * Default: `2`.
         */
        healthyAfter?: number;
        /**
         * Response statuses of a successful check.
         *
         * Default: `[200,204]`.
         *
         * @minItems 1
         */
        statuses?: number[];
      }
    | ('off' | false | 'on' | true);
  /**
   * How long the share of an endpoint grows, linearly, after it is new or has come back. Off: it has its whole share at once.
   *
   * Default: `off`.
   */
  slowStart?: Duration | ('off' | false);
  /**
   * `http1`: HTTP/1.1. `http2`: HTTP/2, for `http://` without an upgrade (prior knowledge), for `https://` by ALPN `h2` alone. `auto`: for `https://` the upstream chooses by ALPN, for `http://` as `http1`. gRPC requests always go by HTTP/2.
   *
   * Default: `http1`.
   */
  protocol?: 'http1' | 'http2' | 'auto';
  fallback?: Fallback;
  idempotency?: Idempotency;
  rateLimit?: RateLimit;
  deadline?: Deadline;
  bulkhead?: Bulkhead;
  retry?: Retry;
  hedge?: Hedge;
  circuitBreaker?: CircuitBreaker;
  timeout?: Timeout;
  fault?: Fault;
  /**
   * Policy keys for some of the requests. The first route that matches is used.
   */
  routes?: Route[];
}
/**
 * Policy keys for some of the requests.
 */
export interface Route {
  /**
   * For metrics and messages.
   */
  name: string;
  /**
   * What the route is for.
   */
  match: {
    /**
     * Methods in capitals; every method if left out.
     *
     * @minItems 1
     */
    methods?: string[];
    /**
     * Exact, ending in `/*` (everything below), or with `:name` segments; every path if left out.
     */
    path?: string;
  };
  fallback?: Fallback;
  idempotency?: Idempotency;
  rateLimit?: RateLimit;
  deadline?: Deadline;
  bulkhead?: Bulkhead;
  retry?: Retry;
  hedge?: Hedge;
  circuitBreaker?: CircuitBreaker;
  timeout?: Timeout;
  fault?: Fault;
}
