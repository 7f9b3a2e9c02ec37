/** Numbers and times as a reader wants them. */
import type { FaultRow, Row } from '../../core/live.js';

export const NONE = '–';

export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 0.1) return '<0.1';
  if (perSecond < 10) return perSecond.toFixed(1);
  return Math.round(perSecond).toLocaleString('en');
}

/** Neither 100% nor 0% where that is only nearly so. */
export function formatShare(share: number | null): string {
  if (share === null) return NONE;
  if (share === 0 || share === 1) return `${share * 100}%`;
  if (share < 0.001) return '<0.1%';
  if (share > 0.999) return '>99.9%';
  return `${(share * 100).toFixed(share > 0.1 && share < 0.9 ? 0 : 1)}%`;
}

export function formatMs(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms < 1) return '<1 ms';
  if (ms < 1000) return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`;
}

/** `45 s`, `12 min`, `3 h`, `5 d`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export const formatAge = (at: string, now: string): string =>
  `${formatSpan(Date.parse(now) - Date.parse(at))} ago`;

/** In the reader's own time zone. */
export const formatTime = (at: string): string =>
  new Date(at).toLocaleTimeString('en-GB', { hour12: false });

export function formatBytes(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Whose something is: a route's, or the upstream's own. */
export const own = (route: string): string => (route === '' ? '(the upstream)' : route);

/** `until 12:30:00, for another 9 min`. @param at now. */
export function formatEnd({ until }: FaultRow, at: string): string {
  if (until === null) return 'without an end';
  const left = formatSpan(Date.parse(until) - Date.parse(at));
  return `until ${formatTime(until)}, for another ${left}`;
}

/** In a sentence each; empty without any. */
export const describeFaults = ({ faults }: Row, at: string): string =>
  faults
    .map((fault) => {
      const whose = fault.route === '' ? '' : ` of route ${fault.route}`;
      return `Fault${whose}: ${fault.summary}, ${formatEnd(fault, at)}.`;
    })
    .join(' ');
