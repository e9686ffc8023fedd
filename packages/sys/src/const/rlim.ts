/** No limit, as RLIM_INFINITY of getrlimit(2). */
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
