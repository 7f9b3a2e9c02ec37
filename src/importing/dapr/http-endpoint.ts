/** `kind: HTTPEndpoint`: the address of a service outside of Dapr, by the name that calls use. */
import type { Draft } from '../draft.js';
import type { Foreign } from '../foreign.js';

export function convertEndpoint(resource: Foreign, draft: Draft): void {
  const name = resource.at('metadata', 'name')?.text();
  const address = resource.at('spec', 'baseUrl');
  const url = address?.text();
  if (name === undefined || address === undefined || url === undefined) return;
  const upstream = draft.upstream(name);
  resource.belongsTo((text) => upstream.note(text));
  resource.get('apiVersion')?.use();
  resource.get('kind')?.use();
  if (/^https?:\/\/[^\s/?#]+(?:\/[^\s?#]*)?$/.test(url)) upstream.set('target', url, address);
  else upstream.note(`${address.origin}: this is no address that Breakwater can call.`);
}
