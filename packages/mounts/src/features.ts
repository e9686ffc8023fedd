/** What `mount -V` and `umount -V` say of themselves, in the words of libmount: the version that they follow, and what they can do. */
export const FEATURES = 'libmount 2.41: namespaces, idmapping, fd-based-mount';
