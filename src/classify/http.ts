/** What a response means by its status, which is in its head. */
import { classifyFailure, classifyStatus, type Classifier } from '../core/outcome.js';

export const http: Classifier = {
  atHead: ({ status }) => classifyStatus(status),
  // Not asked, because the head has said it.
  atEnd: () => ({ kind: 'cancelled' }),
  // A refusal of the request is the upstream's word, also where its connection breaks afterwards.
  atBreak: ({ status }, error) =>
    status >= 400 && status < 500 ? classifyStatus(status) : classifyFailure(error),
};
