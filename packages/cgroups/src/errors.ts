/** The words and exit statuses of libcgroup, which scripts look for. */
/** A v2 group that the named controllers are not handed down to. */
export const NOT_HANDED_DOWN = { status: 81, text: 'Cgroup is not mounted' } as const;
export const NOT_EXISTING = { status: 82, text: 'Cgroup does not exist' } as const;
export const NOT_MOUNTED = { status: 84, text: 'Cgroup one of the needed subsystems is not mounted' } as const;
export const NOT_ALLOWED = { status: 87, text: 'Cgroup, operation not allowed' } as const;
export const NO_VALUE = { status: 91, text: 'error parsing parameter name' } as const;
/** Of cgcreate, for a controller that is nowhere here. */
export const NO_CONTROLLER = { status: 91 } as const;
export const OPERATION_FAILED = { status: 93, text: 'Cgroup operation failed' } as const;
export const NO_SUCH_PARAMETER = { status: 95, text: 'Cgroup, requested group parameter does not exist' } as const;
/** The other version of control groups has nothing that does the job. */
export const NO_COUNTERPART = { status: 111 } as const;
/** What the kernel has refused. */
export const OTHER = { status: 96 } as const;
const NO_SUCH_VALUE = { status: OTHER.status, text: 'Invalid argument' } as const;

/** Of a setting that cannot be found or not have the value. */
export const SETTING_FAILURES = {
  controller: NOT_MOUNTED,
  group: NO_SUCH_PARAMETER,
  file: NO_SUCH_PARAMETER,
  counterpart: NO_SUCH_PARAMETER,
  name: NO_VALUE,
  value: NO_SUCH_VALUE,
} as const;

/**
 * The line behind wrong usage, which libcgroup's own tests look for.
 *
 * @param help How that tool writes its option for help there, with the quotes that it has.
 */
export const wrongInput = (help: string) => (prog: string) =>
  `Wrong input parameters, try ${prog} ${help} for more information.`;
export const PARSING = { text: 'cgroup controller and path parsing failed' } as const;
/** Wrong usage. */
export const BAD_ARGUMENTS = 129;
/** Why a path with ".." is refused. */
export const LEAVES = "a group's path cannot leave its hierarchy with '..'";
