/**
 * Observable Plot, told that it draws for a fine display. Otherwise it asks its surroundings, among them whether mocha
 * runs, and shifts lines by half a pixel; pictures are to be the same wherever they are made.
 */
const surroundings = globalThis as { window?: { devicePixelRatio: number } };

surroundings.window = { devicePixelRatio: 2 };
export const Plot = await import('@observablehq/plot');
delete surroundings.window;
