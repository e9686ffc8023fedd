/** Who may trace the caller where Yama restricts it, PR_SET_PTRACER(2const); linux/prctl.h. */
export const PR_SET_PTRACER = 0x59616d61;
