/** What the options for the licence print, as libcap's tools do. */
export const licenseText = (prog: string): string =>
  `${prog} see LICENSE file for details.\nMIT License, Copyright (c) the container microtools authors\n`;
