/** Stands for node:module in the scripts of the tools, which load nothing but themselves. */
export const createRequire = () => () => {
  throw new Error('nothing is loaded here');
};
