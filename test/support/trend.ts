/** Whether a series of samples goes up. */

/** By the slope of Theil and Sen, the median of all slopes between two samples: single outliers do not change it. @returns how far it goes up over all samples. */
export function riseOf(samples: readonly number[]): number {
  const slopes: number[] = [];
  for (let i = 0; i < samples.length; i++) {
    for (let j = i + 1; j < samples.length; j++) slopes.push((samples[j]! - samples[i]!) / (j - i));
  }
  slopes.sort((a, b) => a - b);
  return (slopes[Math.floor(slopes.length / 2)] ?? 0) * (samples.length - 1);
}
