// Where the service of a command's environment keeps its state and listens.
import {
  currentEnvironment,
  type PathsEnvironment,
  type ServicePaths,
  servicePaths,
} from "../service/paths.ts";

export function pathsFor(env: PathsEnvironment["env"]): ServicePaths {
  return servicePaths({ ...currentEnvironment(), env });
}
