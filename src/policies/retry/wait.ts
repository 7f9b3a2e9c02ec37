/** The wait before another attempt: without a slot, and then for one. */
import type { Call } from '../../core/call.js';
import type { Clock } from '../../core/clock.js';
import { usableMs } from '../../core/deadline.js';
import type { CallFailure } from '../../core/errors.js';
import type { CallStage } from '../../core/pipeline.js';
import type { RetryDenial } from './instruments.js';

/** What stands against an attempt at `atMs`, whatever became of the one before. */
export function findObstacle(
  call: Call,
  next: Pick<CallStage, 'refusal'>,
  atMs: number,
): RetryDenial | undefined {
  if (call.body?.isReplayable === false) return 'body';
  if (next.refusal(call) !== undefined) return 'circuit';
  // Buffer deducted: an attempt that the upstream is told to end at its start is none.
  return call.deadline !== undefined && usableMs(call.deadline, atMs) <= 0 ? 'deadline' : undefined;
}

/**
 * Waits for `delayMs`, and until the call has a slot again. Rejects as soon as the call is ended from outside.
 * @returns why there must be no attempt now, if so; the call may then be without a slot.
 */
export async function backOff(
  call: Call,
  next: CallStage,
  delayMs: number,
  clock: Clock,
): Promise<RetryDenial | undefined> {
  const { slot } = call;
  slot?.release();
  await sleep(call, delayMs, clock);
  // Other calls have gone on meanwhile: the circuit may have opened.
  const obstacle = findObstacle(call, next, clock.now());
  if (obstacle !== undefined || slot === undefined) return obstacle;
  try {
    await slot.reacquire();
  } catch {
    // The response that there is serves the caller better than the news that there was no slot.
    if (call.cancelled === undefined) return 'waiting';
  }
  if (call.cancelled !== undefined) throw call.cancelled;
  return findObstacle(call, next, clock.now());
}

async function sleep(call: Call, delayMs: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onCancel = (error: CallFailure): void => {
      timer.cancel();
      reject(error);
    };
    const timer = clock.schedule(delayMs, () => {
      call.offCancel(onCancel);
      resolve();
    });
    call.onCancel(onCancel);
  });
  // The timer was first, but before this line ran the call was ended.
  if (call.cancelled !== undefined) throw call.cancelled;
}
