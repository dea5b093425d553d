/** How many live connections the packet benchmarks run beside. */
export const SIZES = [1000, 100_000, 1_000_000, 4_000_000];
export const QUICK_SIZES = [1000, 100_000];
