/** Reads an upstream's responses from the bytes of its connection, checks them, and hands them over in pieces. */
import type { Release } from '../../core/reply.js';
import type { Fields } from '../../http/fields.js';
import { ResponseFault, type ResponseHead } from '../client.js';
import { Llhttp, Wanted, type LlhttpListener } from './llhttp.js';
import { copyOf } from './read-memory.js';
import { findFault, trimmed } from './reply-head.js';

/** Is called in this order with what a piece holds, once all of it has been read. */
export interface ReplyListener {
  /** A 1xx before the response. */
  onInformational(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** All bytes of the body in the piece. They may be kept. @param release as that of `ReplySink`. */
  onBody(chunk: Buffer, release?: Release): void;
  /** @param keepsAlive the connection may carry another exchange. */
  onComplete(trailers: Fields, keepsAlive: boolean): void;
  /** In place of `onHead`: the 101 that was asked for, and what came after it. */
  onUpgrade(head: ResponseHead, rest: Buffer): void;
  /** In place of what was expected; also in place of a head that came in the same piece. */
  onFault(error: ResponseFault): void;
}

/** What the reading of a response needs to know of its request. */
export interface Question {
  readonly method: string;
  /** The protocol to upgrade to. */
  readonly upgrade: string | undefined;
}

const HEAD_END = '\r\n\r\n';
const NO_BYTES = Buffer.alloc(0);

/** Reads one response after the other. */
export class ReplyParser implements LlhttpListener {
  readonly #llhttp = new Llhttp(this);
  readonly #listener: ReplyListener;
  readonly #maxHeaderBytes: number;
  /** Undefined while no response is due. */
  #question: Question | undefined;
  #hasHead = false;
  #isComplete = false;
  #keepsAlive = false;
  /** The head or the trailers, whichever is being read. */
  #statusText = '';
  #fields: string[] = [];
  #sectionBytes = 0;
  /** What has been read and not been handed over. */
  #informational: ResponseHead[] = [];
  #head: ResponseHead | undefined;
  #upgrade: ResponseHead | undefined;
  #body: Buffer[] = [];
  #fault: string | undefined;
  /** What is being read, and the part of it that has been decoded. */
  #piece: Buffer = NO_BYTES;
  #text = '';
  #textStart = 0;

  /** @param maxHeaderBytes of the reason phrase and the fields of one head together. */
  constructor(listener: ReplyListener, maxHeaderBytes: number) {
    this.#listener = listener;
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  /** What comes next is the response to this. */
  expect(question: Question): void {
    this.#question = question;
    this.#hasHead = false;
    this.#isComplete = false;
    this.#startSection();
  }

  /**
   * Reads what came next.
   * @param piece may be overwritten when this returns.
   */
  read(piece: Buffer): void {
    this.#piece = piece;
    this.#text = '';
    this.#textStart = 0;
    let read = piece.length;
    try {
      read = this.#llhttp.read(piece);
    } catch (error) {
      this.#fault ??= `Response does not match the HTTP/1.1 protocol (${(error as Error).message})`;
    }
    this.#piece = NO_BYTES;
    this.#tell(piece.subarray(read));
  }

  /** The connection has ended. @returns whether that is how the response ends. */
  end(): boolean {
    if (!this.#hasHead || this.#isComplete || !this.#llhttp.needsEnd) return false;
    this.#question = undefined;
    this.#listener.onComplete([], false);
    return true;
  }

  /** Nothing can be read after that. Once only. */
  close(): void {
    this.#llhttp.close();
  }

  // From llhttp.

  onMessageBegin(): Wanted {
    if (this.#question !== undefined && !this.#isComplete) return Wanted.everything;
    return this.#refuse('bad response: nothing was asked');
  }

  onReasonPhrase(offset: number, length: number): Wanted {
    this.#statusText += this.#textAt(offset, length);
    return this.#count(length);
  }

  onFieldName(offset: number, length: number): Wanted {
    return this.#addText(offset, length, this.#fields.length % 2 === 0);
  }

  onFieldValue(offset: number, length: number): Wanted {
    return this.#addText(offset, length, this.#fields.length % 2 === 1);
  }

  onHeadersComplete(status: number, isUpgrade: boolean): Wanted {
    const head = { status, statusText: this.#statusText, headers: trimmed(this.#fields) };
    const { method, upgrade } = this.#question!;
    const fault = findFault(head, isUpgrade && upgrade !== undefined);
    if (fault !== undefined) return this.#refuse(fault);
    this.#startSection();
    if (status === 101) {
      this.#upgrade = head;
      return Wanted.noMore;
    }
    if (status < 200) {
      this.#informational.push(head);
      return Wanted.headOnly;
    }
    this.#head = head;
    this.#hasHead = true;
    return method === 'HEAD' ? Wanted.headOnly : Wanted.everything;
  }

  onBody(offset: number, length: number): void {
    this.#body.push(this.#piece.subarray(offset, offset + length));
  }

  onMessageComplete(keepsAlive: boolean): void {
    this.#isComplete = this.#hasHead;
    this.#keepsAlive = keepsAlive;
  }

  #startSection(): void {
    this.#statusText = '';
    this.#fields = [];
    this.#sectionBytes = 0;
  }

  #refuse(fault: string): Wanted {
    this.#fault = fault;
    return Wanted.nothing;
  }

  /** @param isNext the text before is complete; otherwise this continues it. */
  #addText(offset: number, length: number, isNext: boolean): Wanted {
    const text = this.#textAt(offset, length);
    if (isNext) this.#fields.push(text);
    else this.#fields[this.#fields.length - 1] += text;
    return this.#count(length);
  }

  #count(bytes: number): Wanted {
    this.#sectionBytes += bytes;
    return this.#sectionBytes <= this.#maxHeaderBytes
      ? Wanted.everything
      : this.#refuse(`bad response: more than ${this.#maxHeaderBytes} bytes of header fields`);
  }

  /** Latin-1. A head decoded in one go costs a third of what its texts cost one by one. */
  #textAt(offset: number, length: number): string {
    let start = offset - this.#textStart;
    if (start + length > this.#text.length) {
      const end = this.#piece.indexOf(HEAD_END, offset);
      this.#text = this.#piece.toString('latin1', offset, end === -1 ? this.#piece.length : end);
      this.#textStart = offset;
      start = 0;
    }
    return this.#text.slice(start, start + length);
  }

  /** @param rest the bytes after the HTTP part. */
  #tell(rest: Buffer): void {
    const listener = this.#listener;
    const fault = this.#fault;
    if (this.#informational.length > 0) {
      for (const head of this.#informational.splice(0)) listener.onInformational(head);
    }
    if (this.#head !== undefined) {
      // Nothing of it has been passed on: the attempt failed, and another one may do better.
      if (fault !== undefined && !this.#isComplete)
        return listener.onFault(new ResponseFault(fault));
      const head = this.#head;
      this.#head = undefined;
      listener.onHead(head);
    }
    if (this.#body.length > 0) {
      copyOf(this.#body.splice(0), (copy, release) => listener.onBody(copy, release));
    }
    if (this.#upgrade !== undefined) return listener.onUpgrade(this.#upgrade, Buffer.from(rest));
    if (this.#isComplete && this.#question !== undefined) {
      this.#question = undefined;
      // The next exchange may begin in here.
      listener.onComplete(trimmed(this.#fields), this.#keepsAlive && fault === undefined);
    } else if (fault !== undefined) {
      listener.onFault(new ResponseFault(fault));
    }
  }
}
