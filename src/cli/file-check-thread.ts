/** The program of the thread that checks a file while calls are served: it sends what it has found, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { checkFile } from './file-check.js';

parentPort?.postMessage(checkFile(workerData as string), []);
