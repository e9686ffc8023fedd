/** The label that the next execve gives: SELinux' exec context, AppArmor's exec profile. */
import { type Int, O_WRONLY, type Sys } from '@ts/sys';

interface Host {
  exists(path: string): boolean;
  read(path: string): string | undefined;
}

export type Module = 'SELinux' | 'AppArmor';

const SELINUX_FS = '/sys/fs/selinux';
const APPARMOR_FS = '/sys/kernel/security/apparmor';
const APPARMOR_ENABLED = '/sys/module/apparmor/parameters/enabled';
const APPARMOR_ATTRIBUTES = '/proc/self/attr/apparmor';

/** Whether the module decides on this host. securityfs may not be mounted where AppArmor runs. */
export const isRunning = (module: Module, host: Host): boolean =>
  module === 'SELinux'
    ? host.exists(SELINUX_FS)
    : host.exists(APPARMOR_FS) || host.read(APPARMOR_ENABLED)?.trim() === 'Y';

/** The label that the process has; undefined where the module does not run. */
export function currentLabel(module: Module, host: Host): string | undefined {
  if (!isRunning(module, host)) return undefined;
  const own = module === 'AppArmor' ? host.read(`${APPARMOR_ATTRIBUTES}/current`) : undefined;
  return (own ?? host.read('/proc/self/attr/current'))?.replace(/[\n\0]+$/, '');
}

/** Where the label of the next execve is written. AppArmor has had a file of its own since Linux 5.8. */
const execFile = (module: Module, host: Host): string =>
  module === 'AppArmor' && host.exists(`${APPARMOR_ATTRIBUTES}/exec`)
    ? '/proc/thread-self/attr/apparmor/exec'
    : '/proc/thread-self/attr/exec';

/** Why there is no label to be had, or undefined where the module runs. */
export function whyNot(module: Module, host: Host): string | undefined {
  if (isRunning(module, host)) return undefined;
  const modules = host.read('/sys/kernel/security/lsm')?.trim();
  const boot = module === 'SELinux' ? 'selinux=1 lsm=…,selinux' : 'lsm=…,apparmor';
  return modules === undefined
    ? `the kernel must have it, and be booted with ${boot}`
    : `the security modules of this kernel are ${modules}; it must be booted with ${boot}`;
}

/**
 * Asks for a label from the next execve on. `status`: exit status of failures.
 *
 * The kernel checks it: EINVAL for a label that the policy does not know, EPERM or EACCES where the policy forbids it.
 */
export function labelNextExec(sys: Sys, module: Module, label: string, host: Host, status: number): void {
  const path = execFile(module, host);
  const fd = sys.or(`cannot open ${path}`, { status }).open(path, O_WRONLY) as Int;
  const text = module === 'SELinux' ? label : `exec ${label}`;
  sys.or(`write failed: ${path}`, { status }).explaining(`label ${module} ${label}`).write(fd, Buffer.from(text));
  sys.ignoring().close(fd);
}
