/** How a command fails: what goes to standard error, the exit status, and whether `-R` goes on after it. */
import type { ControlError } from '../control/api.js';
import type { CommandName } from './request.js';

/** The command line is at fault. */
const EXIT_USAGE = 2;
/** The option parser or the director refused; the shell's view of -1. */
const EXIT_REFUSED = 255;
/** Something couldn't be listed. */
const EXIT_LISTING = 1;

export class AdminError extends Error {
  override name = 'AdminError';

  constructor(
    message: string,
    readonly exitCode: number,
    /** Ends a whole `-R`; otherwise the next line is executed. */
    readonly endsRestore: boolean,
  ) {
    super(message);
  }
}

/** The command itself finds something wrong. */
export function usageFault(message: string): AdminError {
  return new AdminError(message, EXIT_USAGE, true);
}

/** The option parser finds something wrong after the command. */
export function optionFault(message: string): AdminError {
  return new AdminError(message, EXIT_REFUSED, false);
}

/** There is no command at the front. */
export function noCommand(programName: string): AdminError {
  return new AdminError(
    `Try \`${programName} -h' or '${programName} --help' for more information.`,
    EXIT_REFUSED,
    true,
  );
}

/** The director refused a change, or to list something. */
export function refused(command: CommandName, error: ControlError): AdminError {
  const text = refusalText(command, error);
  if (command === 'list' || command === 'save') return new AdminError(text, EXIT_LISTING, true);
  return new AdminError(text, EXIT_REFUSED, false);
}

const SERVICE_EXISTS = 'Service already exists';
const NO_SCHEDULER = 'Scheduler or persistence engine not found';
const NO_SERVICE = 'No such service';
const SERVICE_NOT_DEFINED = 'Service not defined';
const NO_DESTINATION = 'No such destination';

type Texts = { readonly [errno: string]: string };

const TEXTS_BY_COMMAND: { readonly [command in CommandName]?: Texts } = {
  'add-service': { EEXIST: SERVICE_EXISTS, ENOENT: NO_SCHEDULER },
  'edit-service': { ESRCH: NO_SERVICE, ENOENT: NO_SCHEDULER },
  'delete-service': { ESRCH: NO_SERVICE },
  zero: { ESRCH: NO_SERVICE },
  list: { ESRCH: NO_SERVICE },
  'add-server': { ESRCH: SERVICE_NOT_DEFINED, EEXIST: 'Destination already exists' },
  'edit-server': { ESRCH: SERVICE_NOT_DEFINED, ENOENT: NO_DESTINATION },
  'delete-server': { ESRCH: SERVICE_NOT_DEFINED, ENOENT: NO_DESTINATION },
  'start-daemon': { EEXIST: 'Daemon has already run' },
  'stop-daemon': { ESRCH: 'No daemon is running' },
};

/** ipvsadm's own texts first, then the C library's for errors that ipvsadm has none for. */
const TEXTS: Texts = {
  EPERM: 'Permission denied (you must be root)',
  EINVAL: 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
  ENOPROTOOPT: 'Protocol not available',
  ENOMEM: 'Memory allocation problem',
  EAFNOSUPPORT: 'Operation not supported with specified address family',
  EMSGSIZE: 'Module is wrong version',
  ERANGE: 'Numerical result out of range',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EEXIST: 'File exists',
};

/**
 * What ipvsadm says to an errno. EOPNOTSUPP is told in the director's words: ipvsadm would blame IPv6, and
 * the director knows what it is that it doesn't support.
 */
function refusalText(command: CommandName, error: ControlError): string {
  return TEXTS_BY_COMMAND[command]?.[error.errno] ?? TEXTS[error.errno] ?? error.message;
}
