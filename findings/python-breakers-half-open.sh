#!/usr/bin/env bash
# Five circuit breakers for asyncio (Python): when the time of the open circuit is over, all calls that come at once are let
# through. circuitbreaker 2.1.3, aiobreaker 1.2.0, purgatory 3.0.1, hyx 0.0.2 and pyresilience 0.4.1.
#
# A half-open circuit tests with a few calls whether the service is back. The documentation of circuitbreaker promises "one
# test-execution", and that of aiobreaker one "trial call". But the five decide about each call when it begins, count it when it
# has ended, and keep no account of calls in progress. All calls that begin before the first one has ended are let through, so a
# service that is still down gets the full load again after each recovery time, for as long as one call takes: with a timeout
# of 10 s, all calls of 10 s. Tests with one call after the other do not show it, because the first failure opens the circuit again.
#
# Here three failures open the circuit, one call is refused, and after the recovery time 50 calls come at once, each of which
# fails after 0.3 s. The numbers are those of the 50 that are carried out, and what becomes of the next call.
#
# Breakwater: a half-open circuit lets through as many calls at once as `circuitBreaker.halfOpenMaxCalls` says.
# Needs Python 3.11 or later. Seen on 2026-11-29 with Python 3.11.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip --quiet install circuitbreaker==2.1.3 aiobreaker==1.2.0 purgatory==3.0.1 hyx==0.0.2 pyresilience==0.4.1

cat >run.py <<'EOF'
import asyncio
from datetime import timedelta

import aiobreaker
import circuitbreaker
import hyx.circuitbreaker
import purgatory
import pyresilience

RECOVERY_S = 0.5


async def run(work):
    return await work()


async def fail():
    raise ValueError


async def succeed():
    return "carried out"


async def outcome(call, work):
    try:
        return await call(work)
    except Exception:
        return "refused"


async def try_breaker(name, call):
    for _ in range(3):
        await outcome(call, fail)
    open_outcome = await outcome(call, succeed)
    await asyncio.sleep(RECOVERY_S + 0.3)
    carried_out = 0

    async def fail_later():
        nonlocal carried_out
        carried_out += 1
        await asyncio.sleep(0.3)
        raise ValueError

    await asyncio.gather(*(outcome(call, fail_later) for _ in range(50)))
    print(f"{name}: open: {open_outcome}; half-open: {carried_out} of 50; then: {await outcome(call, succeed)}")


async def main():
    await try_breaker("circuitbreaker", circuitbreaker.circuit(failure_threshold=3, recovery_timeout=RECOVERY_S)(run))

    breaker = aiobreaker.CircuitBreaker(fail_max=3, timeout_duration=timedelta(seconds=RECOVERY_S))
    await try_breaker("aiobreaker", lambda work: breaker.call_async(run, work))

    factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=3, default_ttl=RECOVERY_S)
    context = await factory.get_breaker("service")

    async def call_in_context(work):
        async with context:
            return await work()

    await try_breaker("purgatory", call_in_context)

    consecutive = hyx.circuitbreaker.consecutive_breaker(
        exceptions=Exception, failure_threshold=3, recovery_time_secs=RECOVERY_S, recovery_threshold=1
    )
    await try_breaker("hyx", consecutive(run))

    config = pyresilience.CircuitBreakerConfig(failure_threshold=3, recovery_timeout=RECOVERY_S)
    await try_breaker("pyresilience", pyresilience.resilient(circuit_breaker=config)(run))


asyncio.run(main())
EOF

cat >expected <<'EOF'
circuitbreaker: open: refused; half-open: 50 of 50; then: refused
aiobreaker: open: refused; half-open: 50 of 50; then: refused
purgatory: open: refused; half-open: 50 of 50; then: refused
hyx: open: refused; half-open: 50 of 50; then: refused
pyresilience: open: refused; half-open: 50 of 50; then: refused
EOF
venv/bin/python run.py >seen

echo "expected:"
cat expected
echo "seen:"
cat seen
diff expected seen
