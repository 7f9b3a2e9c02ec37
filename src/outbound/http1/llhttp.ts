/** llhttp, the HTTP parser of Node.js. Node.js does not export it; undici contains it as WebAssembly. */
import wasm from 'undici/lib/llhttp/llhttp_simd-wasm.js';

/**
 * A parser calls these while it reads responses. Texts and bodies may come in parts. Offsets count from the first byte of the piece
 * that is being read. Listeners return what they want to be read of what follows.
 */
export interface LlhttpListener {
  onMessageBegin(): Wanted;
  onReasonPhrase(offset: number, length: number): Wanted;
  onFieldName(offset: number, length: number): Wanted;
  onFieldValue(offset: number, length: number): Wanted;
  /** @param isUpgrade a 101 that names its protocol. */
  onHeadersComplete(status: number, isUpgrade: boolean): Wanted;
  onBody(offset: number, length: number): void;
  /** @param keepsAlive another exchange may follow on the connection. */
  onMessageComplete(keepsAlive: boolean): void;
}

/** As numbers of llhttp. */
export const Wanted = {
  everything: 0,
  /** From `onHeadersComplete`: there is no body, whatever the fields say. */
  headOnly: 1,
  /** From `onHeadersComplete`: what follows is another protocol. */
  noMore: 2,
  /** The response is unusable. */
  nothing: -1,
} as const;
export type Wanted = (typeof Wanted)[keyof typeof Wanted];

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  malloc(bytes: number): number;
  free(pointer: number): void;
  llhttp_execute(parser: number, start: number, length: number): number;
  llhttp_get_error_reason(parser: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_should_keep_alive(parser: number): number;
  llhttp_message_needs_eof(parser: number): number;
}

const TYPE_RESPONSE = 2;
const OK = 0;
const PAUSED_UPGRADE = 22;

/** The WebAssembly program. A parser is a part of its memory. It reads one piece at a time, to the end. */
class Engine {
  readonly #exports: Exports;
  /** Where the bytes to be read are in its memory. */
  #input = 0;
  #inputBytes = 0;
  #memory = new Uint8Array();
  #listener: LlhttpListener | undefined;

  constructor() {
    const env = {
      wasm_on_message_begin: () => this.#listener!.onMessageBegin(),
      wasm_on_url: () => OK,
      wasm_on_status: (_parser: number, at: number, length: number) =>
        this.#listener!.onReasonPhrase(at - this.#input, length),
      wasm_on_header_field: (_parser: number, at: number, length: number) =>
        this.#listener!.onFieldName(at - this.#input, length),
      wasm_on_header_value: (_parser: number, at: number, length: number) =>
        this.#listener!.onFieldValue(at - this.#input, length),
      wasm_on_headers_complete: (_parser: number, status: number, isUpgrade: number) =>
        this.#listener!.onHeadersComplete(status, isUpgrade === 1),
      wasm_on_body: (_parser: number, at: number, length: number) => {
        this.#listener!.onBody(at - this.#input, length);
        return OK;
      },
      wasm_on_message_complete: (parser: number) => {
        this.#listener!.onMessageComplete(this.#exports.llhttp_should_keep_alive(parser) === 1);
        return OK;
      },
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env });
    // The type checker does not look into a compiled module.
    this.#exports = exports as unknown as Exports;
  }

  open(): number {
    return this.#exports.llhttp_alloc(TYPE_RESPONSE);
  }

  close(parser: number): void {
    this.#exports.llhttp_free(parser);
  }

  needsEnd(parser: number): boolean {
    return this.#exports.llhttp_message_needs_eof(parser) === 1;
  }

  read(parser: number, bytes: Uint8Array, listener: LlhttpListener): number {
    this.#copyIn(bytes);
    this.#listener = listener;
    const result = this.#exports.llhttp_execute(parser, this.#input, bytes.length);
    this.#listener = undefined;
    if (result === OK) return bytes.length;
    if (result === PAUSED_UPGRADE) {
      return this.#exports.llhttp_get_error_pos(parser) - this.#input;
    }
    throw new Error(this.#textAt(this.#exports.llhttp_get_error_reason(parser)));
  }

  #copyIn(bytes: Uint8Array): void {
    const exports = this.#exports;
    if (bytes.length > this.#inputBytes) {
      if (this.#inputBytes > 0) exports.free(this.#input);
      this.#inputBytes = bytes.length;
      this.#input = exports.malloc(bytes.length);
    }
    // When the memory grows, it becomes another buffer.
    const { buffer } = exports.memory;
    if (this.#memory.buffer !== buffer) this.#memory = new Uint8Array(buffer);
    this.#memory.set(bytes, this.#input);
  }

  /** Text that ends with a NUL. */
  #textAt(pointer: number): string {
    const bytes = Buffer.from(this.#exports.memory.buffer);
    return bytes.toString('latin1', pointer, bytes.indexOf(0, pointer));
  }
}

/** One for all parsers: each engine needs its own memory and code. */
let engine: Engine | undefined;

/** The parser for the responses of one connection. */
export class Llhttp {
  readonly #engine: Engine;
  readonly #parser: number;
  readonly #listener: LlhttpListener;

  /** @param listener must not start another read while it is called. */
  constructor(listener: LlhttpListener) {
    this.#engine = engine ??= new Engine();
    this.#parser = this.#engine.open();
    this.#listener = listener;
  }

  /**
   * Reads a piece of any size.
   * @returns how many of its bytes are HTTP: all but those after an upgrade.
   * @throws Error that says what is wrong with them; also if the listener wanted nothing more.
   */
  read(bytes: Uint8Array): number {
    return this.#engine.read(this.#parser, bytes, this.#listener);
  }

  /** Whether only the end of the connection ends the response that has begun. */
  get needsEnd(): boolean {
    return this.#engine.needsEnd(this.#parser);
  }

  /** Frees its memory. Nothing can be read after that. Once only. */
  close(): void {
    this.#engine.close(this.#parser);
  }
}
