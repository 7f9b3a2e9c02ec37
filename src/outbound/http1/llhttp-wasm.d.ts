/** What llhttp.ts needs and no package declares. */
declare module 'undici/lib/llhttp/llhttp_simd-wasm.js' {
  /** The compiled program. */
  const wasm: Uint8Array;
  export default wasm;
}

declare namespace WebAssembly {
  class Module {
    private readonly compiled;
    constructor(bytes: Uint8Array);
  }
  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: Module, imports: Readonly<Record<string, object>>);
  }
}
