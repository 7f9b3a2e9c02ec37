#!/usr/bin/env node
/** The process. It loads next to nothing before it listens for SIGUSR1. */
import { guardDebugger } from './platform/debugger.js';

guardDebugger();
await import('./program.js');
