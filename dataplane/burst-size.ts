/** Most frames in one burst. */
export const BURST_MAX = 64;
