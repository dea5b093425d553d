export const EXIT_OK = 0;
/** It couldn't be done: refused, or there is no director. */
export const EXIT_FAILURE = 1;
/** The command line itself is wrong. */
export const EXIT_USAGE = 2;
/** Of `uvs doctor`: what it found works, but something else doesn't, or won't some day. */
export const EXIT_WARNINGS = 3;
/** Of `uvs doctor`: clients notice what it found. */
export const EXIT_ERRORS = 4;
