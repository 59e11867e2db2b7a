//! Whole manifests to begin with. `${1:web}` is what one fills in, in turn with Tab: equal numbers are
//! written at once, and `web` stands there till then.

/// Label, what it makes in English and Chinese, text.
pub(super) const ALL: &[(&str, &str, &str, &str)] = &[
    (
        "Deployment",
        "three replicas of a program",
        "同一个程序的三个副本",
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${1:web}
spec:
  replicas: ${2:3}
  selector:
    matchLabels:
      app: ${1:web}
  template:
    metadata:
      labels:
        app: ${1:web}
    spec:
      containers:
        - name: ${3:hello}
          image: ${4:hello:1.0}
          ports:
            - containerPort: ${5:9090}
",
    ),
    (
        "Service",
        "ClusterIP: one address inside the cluster",
        "ClusterIP：集群内部的一个固定地址",
        "\
apiVersion: v1
kind: Service
metadata:
  name: ${1:web}
spec:
  selector:
    app: ${1:web}
  ports:
    - port: ${2:80}
      targetPort: ${3:9090}
",
    ),
    (
        "Service NodePort",
        "a port on every node",
        "在每个节点上开一个端口",
        "\
apiVersion: v1
kind: Service
metadata:
  name: ${1:web}
spec:
  type: NodePort
  selector:
    app: ${1:web}
  ports:
    - port: ${2:80}
      targetPort: ${3:9090}
      nodePort: ${4:30000}
",
    ),
    (
        "Service LoadBalancer",
        "an address outside of the cluster",
        "集群外部的一个地址",
        "\
apiVersion: v1
kind: Service
metadata:
  name: ${1:web}
spec:
  type: LoadBalancer
  selector:
    app: ${1:web}
  ports:
    - port: ${2:80}
      targetPort: ${3:9090}
",
    ),
    (
        "Ingress",
        "hosts and paths to Services",
        "按主机和路径转到 Service",
        "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${1:web}
spec:
  ingressClassName: ${2:nginx}
  rules:
    - host: ${3:shop.example.com}
      http:
        paths:
          - path: ${4:/}
            pathType: ${5:Prefix}
            backend:
              service:
                name: ${6:web}
                port:
                  number: ${7:80}
",
    ),
    (
        "Pod",
        "one Pod of its own",
        "单独的一个 Pod",
        "\
apiVersion: v1
kind: Pod
metadata:
  name: ${1:web}
  labels:
    app: ${1:web}
spec:
  containers:
    - name: ${2:hello}
      image: ${3:hello:1.0}
      ports:
        - containerPort: ${4:9090}
",
    ),
    (
        "Lab",
        "an environment of your own",
        "自己定义的实验环境",
        "\
apiVersion: kubehop.dev/v1
kind: Lab
metadata:
  name: ${1:two-zones}
spec:
  profile: ${2:multinode}
  nodes:
    - name: ${3:n1}
      address: 192.168.50.11
      labels:
        topology.kubernetes.io/zone: a
    - name: ${4:n2}
      address: 192.168.50.12
      labels:
        topology.kubernetes.io/zone: b
",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::manifest::parse;
    use crate::object::Profile;
    use crate::text::Source;

    fn filled(text: &str) -> String {
        let mut parts = text.split("${");
        let first = parts.next().unwrap_or_default().to_owned();
        let fill = |part: &str| part.split_once(':').map(|(_, rest)| rest.replacen('}', "", 1)).unwrap();
        parts.fold(first, |text, part| text + &fill(part))
    }

    #[test]
    fn each_is_accepted_as_it_stands() {
        let mut cluster = Cluster::new(&Profile::named("minikube").unwrap(), 1);
        for (label, _, _, text) in ALL {
            let parsed = parse(&Source::new("new.yaml", filled(text)));
            assert_eq!((parsed.diagnostics, parsed.refusals), (vec![], vec![]), "{label}");
            cluster.apply(&parsed.manifests[0], "default").unwrap();
        }
    }
}
