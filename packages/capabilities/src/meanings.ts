/** What each capability allows, in the order of their numbers. */
import { bit, CAPABILITY_NAMES, capabilityName } from './names.ts';

export const CAPABILITY_MEANINGS: Readonly<Record<(typeof CAPABILITY_NAMES)[number], string>> = {
  cap_chown: 'Give any file to any user and group.',
  cap_dac_override: 'Read, write and execute files, and search directories, whatever their permission bits say.',
  cap_dac_read_search: 'Read files and search directories whatever their permission bits say; open files by handle.',
  cap_fowner:
    'Do what only the owner of a file may: change its mode, times, ACL and flags, delete from sticky directories.',
  cap_fsetid: 'Keep the set-user-ID and set-group-ID bits when a file changes, and set them for a foreign group.',
  cap_kill: 'Send signals to processes of other users.',
  cap_setgid: 'Take any group id and any supplementary groups; write group id maps of user namespaces.',
  cap_setuid: 'Take any user id; write user id maps of user namespaces.',
  cap_setpcap:
    'Drop capabilities from the bounding set, add bounded ones to the inheritable set, change the secure bits.',
  cap_linux_immutable: 'Set and clear the immutable and append-only flags of files.',
  cap_net_bind_service: 'Listen on Internet ports below 1024.',
  cap_net_broadcast: 'Broadcast and listen to multicast (the kernel does not ask for it).',
  cap_net_admin:
    'Configure the network: interfaces, addresses, routes, bridges, firewall, traffic control, namespaces of links.',
  cap_net_raw:
    'Use raw and packet sockets, as ping and packet sniffers do; bind to foreign addresses for transparent proxies.',
  cap_ipc_lock: 'Lock memory beyond the limit, use huge pages.',
  cap_ipc_owner: 'Use System V shared memory, semaphores and queues whatever their permission bits say.',
  cap_sys_module: 'Load and unload kernel modules: full power over the kernel.',
  cap_sys_rawio: 'Access I/O ports, physical memory and the raw commands of disks.',
  cap_sys_chroot:
    'Change the root directory with chroot, and enter mount namespaces with setns. Who has it leaves a chroot at will.',
  cap_sys_ptrace: 'Trace any process, read and write its memory and what /proc hides of it.',
  cap_sys_pacct: 'Switch process accounting on and off.',
  cap_sys_admin:
    'Administer the system: mount, unmount, pivot_root, namespaces, host name, swap, quotas, devices and much else.',
  cap_sys_boot: 'Reboot, and load another kernel to boot into.',
  cap_sys_nice:
    'Raise priorities, use real-time scheduling, set affinity and I/O priority, also of other users’ processes.',
  cap_sys_resource: 'Exceed and raise resource limits, quotas, reserved disk space, lower oom_score_adj.',
  cap_sys_time: 'Set the system clock and the hardware clock.',
  cap_sys_tty_config: 'Configure terminals, hang them up.',
  cap_mknod: 'Make device files.',
  cap_lease: 'Take leases on files of other users.',
  cap_audit_write: 'Write records into the audit log.',
  cap_audit_control: 'Switch auditing on and off and change its rules.',
  cap_setfcap: 'Give capabilities to files; map user 0 of the parent into a user namespace.',
  cap_mac_override: 'Override mandatory access control (Smack).',
  cap_mac_admin:
    'Change the rules of mandatory access control (Smack, AppArmor, SELinux labels that the policy does not know).',
  cap_syslog: 'Read and clear the kernel’s log, see kernel addresses.',
  cap_wake_alarm: 'Set timers that wake the system up.',
  cap_block_suspend: 'Keep the system from being suspended.',
  cap_audit_read: 'Read the audit log through a multicast socket.',
  cap_perfmon: 'Monitor performance: perf events, tracing programs, hardware counters.',
  cap_bpf: 'Load BPF programs and make their maps; tracing ones need cap_perfmon, network ones cap_net_admin too.',
  cap_checkpoint_restore: 'Checkpoint and restore processes: choose PIDs, read what /proc shows of map files.',
};

const WIDTH = 60;

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}

/** Name, number, mask and meaning of a capability, as a paragraph. */
export function explainCapability(capability: number): string {
  const name = CAPABILITY_NAMES[capability];
  const mask = bit(capability).toString(16).padStart(16, '0');
  const head = `${name ?? '<unsupported>'} (${capability}) [/proc/self/status:CapXXX: 0x${mask}]\n`;
  if (name === undefined) return head;
  return `${head}\n${wrap(CAPABILITY_MEANINGS[name])
    .map((line) => `    ${line}\n`)
    .join('')}`;
}

/** Numbers of the capabilities whose name or meaning has a phrase in it, whatever its case. */
export function capabilitiesAbout(phrase: string): number[] {
  const wanted = phrase.toLowerCase();
  const about = (text: string) => text.toLowerCase().includes(wanted);
  return CAPABILITY_NAMES.flatMap((name, number) =>
    about(capabilityName(number)) || about(CAPABILITY_MEANINGS[name]) ? [number] : [],
  );
}
