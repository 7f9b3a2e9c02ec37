/** For Fastify: no route has a schema, so that the compilers of schemas, 150 files, are not loaded. */

const refuse = () => () => {
  throw new Error('Cannot compile a schema because routes have none');
};

export const noSchemas = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
};
