/** In the place of the module string-width, which needs Intl: the texts of --help have no character that is wider than one cell. */
export default (text: string): number => [...text].length;
