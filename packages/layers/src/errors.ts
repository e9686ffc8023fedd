/** What makes a layer or an archive unusable, and what would help. */
export class LayerError extends Error {
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'LayerError';
  }
}
