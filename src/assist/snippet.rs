//! Whole manifests to begin with. `${…}` is what one fills in, in turn with Tab; what is between is already there.

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
  name: ${web}
spec:
  replicas: ${3}
  selector:
    matchLabels:
      app: ${web}
  template:
    metadata:
      labels:
        app: ${web}
    spec:
      containers:
        - name: ${hello}
          image: ${hello:1.0}
          ports:
            - containerPort: ${9090}
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
  name: ${web}
spec:
  selector:
    app: ${web}
  ports:
    - port: ${80}
      targetPort: ${9090}
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
  name: ${web}
spec:
  type: NodePort
  selector:
    app: ${web}
  ports:
    - port: ${80}
      targetPort: ${9090}
      nodePort: ${30000}
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
  name: ${web}
spec:
  type: LoadBalancer
  selector:
    app: ${web}
  ports:
    - port: ${80}
      targetPort: ${9090}
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
  name: ${web}
spec:
  ingressClassName: ${nginx}
  rules:
    - host: ${shop.example.com}
      http:
        paths:
          - path: ${/}
            pathType: ${Prefix}
            backend:
              service:
                name: ${web}
                port:
                  number: ${80}
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
  name: ${web}
  labels:
    app: ${web}
spec:
  containers:
    - name: ${hello}
      image: ${hello:1.0}
      ports:
        - containerPort: ${9090}
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
  name: ${two-zones}
spec:
  profile: ${multinode}
  nodes:
    - name: ${n1}
      address: 192.168.50.11
      labels:
        topology.kubernetes.io/zone: a
    - name: ${n2}
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
        text.replace("${", "").replace('}', "")
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
