export const EXIT_OK = 0;
/** It couldn't be done: refused, or there is no director. */
export const EXIT_FAILURE = 1;
/** The command line itself is wrong. */
export const EXIT_USAGE = 2;
