/** What changes in one pod: a container, a volume, and variables of the other containers. What is there already stays. */
import { isScalar, isSeq, type YAMLMap, type YAMLSeq } from 'yaml';
import {
  CONTAINER,
  sidecar,
  socketVolume,
  VOLUME,
  volume,
  type SidecarOptions,
} from './sidecar.js';
import type { Splice } from './splice.js';
import { isEmpty, itemsOf, pairOf, Refusal, textOf, valueOf, type Workload } from './workload.js';

export interface PodSettings extends SidecarOptions {
  readonly replacesImage: boolean;
  readonly configMap: string;
  /** By variable. */
  readonly urls: ReadonlyMap<string, string>;
}

export interface Change {
  readonly kind: string;
  readonly name: string;
  /** In words; empty where all was there. */
  readonly added: readonly string[];
}

/** @throws Refusal */
export function changePod(workload: Workload, settings: PodSettings, splice: Splice): Change {
  const { kind, name, podSpec } = workload;
  refuseImpossible(podSpec, settings);
  const added = [
    ...addSidecar(podSpec, settings, splice),
    ...itemsOf(podSpec, 'containers').flatMap((each) => setVariables(each, settings.urls, splice)),
    ...addVolumes(podSpec, settings, splice),
  ];
  return { kind, name, added };
}

function refuseImpossible(podSpec: YAMLMap, { port }: PodSettings): void {
  const containers = itemsOf(podSpec, 'containers');
  if (containers.length === 0) throw new Refusal('it has no containers', podSpec);
  const isSet = (key: string) => {
    const value = valueOf(podSpec, key);
    return isScalar(value) && value.value === true;
  };
  if (isSet('hostNetwork')) {
    throw new Refusal(
      'hostNetwork is true, so the ports of the sidecar would be those of the node',
      pairOf(podSpec, 'hostNetwork')!.key,
    );
  }
  for (const container of containers) {
    const name = textOf(container, 'name');
    if (name === CONTAINER) {
      throw new Refusal(
        `its container ${CONTAINER} is no init container, and the name must be free`,
        container,
      );
    }
    for (const taken of itemsOf(container, 'ports')) {
      const number = valueOf(taken, 'containerPort');
      if (isScalar(number) && number.value === port) {
        throw new Refusal(
          `its container ${name} has the port ${port}, on which the sidecar has metrics and health; set admin.metrics to another port, and give the configuration with --config`,
          number,
        );
      }
    }
  }
}

/** Adds items to a list that may not be there yet. */
function addTo(
  map: YAMLMap,
  key: string,
  items: readonly unknown[],
  splice: Splice,
  place: { readonly at: 'first' | 'last'; readonly before?: string },
): void {
  const pair = pairOf(map, key);
  if (pair === undefined) splice.addKey(map, key, items, place.before);
  else if (!isSeq(pair.value)) splice.setEmpty(map, pair, items);
  else splice.addItems(pair.value as YAMLSeq, items, place.at);
}

/** Before the other init containers, which may call upstreams as well. */
function addSidecar(podSpec: YAMLMap, settings: PodSettings, splice: Splice): string[] {
  const own = itemsOf(podSpec, 'initContainers').find((each) => textOf(each, 'name') === CONTAINER);
  if (own === undefined) {
    const place = { at: 'first', before: 'containers' } as const;
    addTo(podSpec, 'initContainers', [sidecar(settings)], splice, place);
    return ['the sidecar'];
  }
  if (textOf(own, 'restartPolicy') !== 'Always') {
    throw new Refusal(
      `its init container ${CONTAINER} is no sidecar: restartPolicy is not Always`,
      own,
    );
  }
  const image = valueOf(own, 'image');
  if (!settings.replacesImage || textOf(own, 'image') === settings.image) return [];
  if (!isScalar(image)) throw new Refusal('its sidecar has no image', own);
  splice.replaceScalar(image, settings.image);
  return [`the image ${settings.image}`];
}

function addVolumes(podSpec: YAMLMap, settings: PodSettings, splice: Splice): string[] {
  const { configMap, socketFolder } = settings;
  const wanted = [volume(configMap), ...(socketFolder === undefined ? [] : [socketVolume()])];
  const names = new Set(itemsOf(podSpec, 'volumes').map((each) => textOf(each, 'name')));
  const missing = wanted.filter(({ name }) => !names.has(name));
  if (missing.length === 0) return [];
  addTo(podSpec, 'volumes', missing, splice, { at: 'last' });
  return names.has(VOLUME) ? [] : [`a volume of the ConfigMap ${configMap}`];
}

function setVariables(
  container: YAMLMap,
  urls: ReadonlyMap<string, string>,
  splice: Splice,
): string[] {
  const written = new Map(itemsOf(container, 'env').map((each) => [textOf(each, 'name'), each]));
  const isNew = ([name]: readonly [string, string]) => !written.has(name);
  const missing = [...urls].filter(isNew);
  if (missing.length > 0) {
    const items = missing.map(([name, value]) => ({ name, value }));
    addTo(container, 'env', items, splice, { at: 'last' });
  }
  const replaced = [...urls].filter((variable) => {
    const own = written.get(variable[0]);
    return own !== undefined && replaceValue(own, variable, splice);
  });
  return [...missing, ...replaced].map(
    ([name, url]) => `${name}=${url} in ${textOf(container, 'name')}`,
  );
}

/** @returns whether it was another one. */
function replaceValue(own: YAMLMap, [name, url]: readonly [string, string], splice: Splice) {
  const value = valueOf(own, 'value');
  if (!isScalar(value) || isEmpty(value)) {
    throw new Refusal(
      `its variable ${name} is not written as a value; write it in \`value\`, or leave it out`,
      own,
    );
  }
  if (value.value === url) return false;
  splice.replaceScalar(value, url);
  return true;
}
